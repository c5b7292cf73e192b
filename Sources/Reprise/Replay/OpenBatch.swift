/// A batch that is applied piece by piece.
struct OpenBatch {
    /// The batch.
    let batch: ReplayBatch
    /// The matches of the messages that are not applied yet.
    var matches: PreparedMatches
    private var applied = 0
    private var compared = 0

    init(_ batch: ReplayBatch = ReplayBatch()) {
        self.batch = batch
        matches = PreparedMatches(batch.matches)
    }

    /// Whether nothing is left.
    var isApplied: Bool { applied == batch.events.count }

    /// The next event.
    var next: Event? { isApplied ? nil : batch.events[applied] }

    /// Takes the events up to a position, or `nil` where these are taken already.
    mutating func take(through last: Position) -> ArraySlice<Event>? {
        guard let first = batch.events.first?.position, last >= first else { return nil }
        let end = min(batch.events.count, Int(last.rawValue - first.rawValue) + 1)
        guard end > applied else { return nil }
        defer { applied = end }
        return batch.events[applied..<end]
    }

    /// Takes the checkpoint at a position, if there is one.
    mutating func takeCheckpoint(at position: Position) -> Checkpoint? {
        guard compared < batch.checkpoints.count, batch.checkpoints[compared].position == position else { return nil }
        defer { compared += 1 }
        return batch.checkpoints[compared]
    }
}
