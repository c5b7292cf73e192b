// When something derived is worth storing. Pure, so that the live path and an import store the same things.

/// Says after which events a checkpoint and a snapshot are due.
///
/// Owner: whoever writes the log, one at a time.
public struct CheckpointCadence: Equatable, Sendable {
    /// The most events that should lie between two checkpoints.
    public static let eventsPerCheckpoint = 1024
    /// The most events that should lie between two snapshots.
    public static let eventsPerSnapshot = 65_536

    private var eventsSinceCheckpoint = 0
    private var eventsSinceSnapshot = 0

    /// A cadence at a session's start.
    public init() {}

    /// Notes a batch that was applied.
    ///
    /// - Parameters:
    ///   - count: events of the batch.
    ///   - endsSession: whether its last event is `sessionEnded`; both are due then.
    /// - Returns: what is due after the batch's last event. The caller stores it: the counts begin again.
    public mutating func note(events count: Int, endsSession: Bool) -> (checkpoint: Bool, snapshot: Bool) {
        eventsSinceCheckpoint += count
        eventsSinceSnapshot += count
        let checkpoint = endsSession || eventsSinceCheckpoint >= CheckpointCadence.eventsPerCheckpoint
        let snapshot = endsSession || eventsSinceSnapshot >= CheckpointCadence.eventsPerSnapshot
        if checkpoint { eventsSinceCheckpoint = 0 }
        if snapshot { eventsSinceSnapshot = 0 }
        return (checkpoint, snapshot)
    }
}
