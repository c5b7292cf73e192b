internal import Synchronization

/// Bytes of intents that are not performed yet, over all loops. Back-pressure: at the bound, loops parse and read nothing more
/// until it has fallen to half.
///
/// An intent is in flight from the moment that its message was parsed until every shard has performed its batch. So what is in
/// flight is above the bound by one message of each loop at most, and by what cannot wait: closes of connections.
final class InFlight: Sendable {
    private let bytes = Atomic<Int>(0)
    private let bytesMax: Int

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    /// Whether new work should wait.
    var isFull: Bool { bytes.load(ordering: .relaxed) >= bytesMax }

    /// How many there are now.
    var now: Int { bytes.load(ordering: .relaxed) }

    /// Adds intents.
    func add(_ weight: Int) {
        bytes.wrappingAdd(weight, ordering: .relaxed)
    }

    /// Takes performed intents away.
    ///
    /// - Returns: whether this was what brought it to half of the bound: loops that hold reads may go on.
    func remove(_ weight: Int) -> Bool {
        let (before, after) = bytes.wrappingSubtract(weight, ordering: .relaxed)
        return before > bytesMax / 2 && after <= bytesMax / 2
    }
}

/// Counts down the shards that still have to perform a batch.
final class BatchTicket: Sendable {
    private let remaining: Atomic<Int>
    /// The weight of the batch's intents.
    let weight: Int

    init(shards: Int, weight: Int) {
        remaining = Atomic(shards)
        self.weight = weight
    }

    /// One shard is done.
    ///
    /// - Returns: whether it was the last.
    func countDown() -> Bool {
        remaining.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0
    }
}
