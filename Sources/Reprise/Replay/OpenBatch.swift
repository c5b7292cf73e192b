/// A batch that is applied piece by piece.
struct OpenBatch {
    /// The batch.
    let batch: ReplayBatch
    private var applied = 0
    private var compared = 0

    init(_ batch: ReplayBatch = ReplayBatch()) {
        self.batch = batch
    }

    /// Whether nothing is left.
    var isApplied: Bool { applied == batch.events.count }

    /// The next event.
    var next: Event? { isApplied ? nil : batch.events[applied] }

    /// Takes the events up to a position, or `nil` where these are taken already: their indices in the batch.
    mutating func take(through last: Position) -> Range<Int>? {
        guard let first = batch.events.first?.position, last >= first else { return nil }
        let end = min(batch.events.count, Int(last.rawValue - first.rawValue) + 1)
        guard end > applied else { return nil }
        defer { applied = end }
        return applied..<end
    }

    /// Takes the checkpoint at a position, if there is one.
    mutating func takeCheckpoint(at position: Position) -> Checkpoint? {
        guard compared < batch.checkpoints.count, batch.checkpoints[compared].position == position else { return nil }
        defer { compared += 1 }
        return batch.checkpoints[compared]
    }
}
