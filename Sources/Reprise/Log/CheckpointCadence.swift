/// When checkpoints and snapshots are due. Pure, so that an import makes them at the same places as a server.
public struct CheckpointCadence: Sendable {
    /// The most events between two checkpoints, plus the batch that crosses the line.
    public static let eventsPerCheckpoint = 1024
    /// The most events between two snapshots, plus the batch that crosses the line.
    public static let eventsPerSnapshot = 65_536

    private var eventsSinceCheckpoint = 0
    private var eventsSinceSnapshot = 0

    /// A cadence at the beginning of a session.
    public init() {}

    /// Counts a batch.
    ///
    /// - Returns: what is due after it. A session's end makes both due; a snapshot always comes with a checkpoint.
    public mutating func note(events count: Int, endsSession: Bool) -> (checkpoint: Bool, snapshot: Bool) {
        eventsSinceCheckpoint += count
        eventsSinceSnapshot += count
        let snapshot = endsSession || eventsSinceSnapshot >= CheckpointCadence.eventsPerSnapshot
        let checkpoint = snapshot || eventsSinceCheckpoint >= CheckpointCadence.eventsPerCheckpoint
        if snapshot { eventsSinceSnapshot = 0 }
        if checkpoint { eventsSinceCheckpoint = 0 }
        return (checkpoint, snapshot)
    }
}
