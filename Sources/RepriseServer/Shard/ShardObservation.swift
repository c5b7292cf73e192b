internal import Reprise
internal import Synchronization

/// What a shard has done, readable from the Recorder's loop when it writes a checkpoint.
final class ShardObservation: Sendable {
    private let state: Mutex<Checkpoint.Observation>

    /// - Parameter performedThrough: where the shard begins: a server to which nothing happens has performed that much.
    init(performedThrough: Position = .zero) {
        state = Mutex(Checkpoint.Observation(performedThrough: performedThrough))
    }

    /// Called by the shard after each batch. Uncontended but for one read in a thousand events.
    func update(_ observation: Checkpoint.Observation) {
        state.withLock { $0 = observation }
    }

    /// What every one of `shards` has done.
    static func combined(_ shards: [ShardObservation]) -> Checkpoint.Observation {
        var all = shards.map { $0.state.withLock { $0 } }
        guard var result = all.popLast() else { return Checkpoint.Observation(performedThrough: .zero) }
        for observation in all {
            result.performedThrough = min(result.performedThrough, observation.performedThrough)
            result.behind += observation.behind
            result.isTruncated = result.isTruncated || observation.isTruncated
        }
        result.behind.sort { $0.connection < $1.connection }
        if result.behind.count > Checkpoint.Observation.behindCountMax {
            result.behind.removeLast(result.behind.count - Checkpoint.Observation.behindCountMax)
            result.isTruncated = true
        }
        return result
    }
}
