// What a server does before it accepts anybody: it brings the log to a truthful end. Every open gets its close, the
// crashed session its end, the new session its start, all in one transaction; a crash during recovery leaves nothing
// half done.

/// The state of a log when a server takes it up.
public struct Recovery: Sendable {
    /// What belongs in the recovering transaction, before the new session's `sessionStarted`.
    public var facts: [Fact] = []
    /// How many connections of the last session were still open.
    public var closedConnections = 0
    /// The last session's engine after everything that the log holds.
    public var engine: Engine
    /// The ordinal of the new session.
    public var nextSession: SessionID
    /// Whether the last session's final checkpoint is missing.
    public var lacksFinalCheckpoint = false

    /// Folds the log from the last checkpoint.
    ///
    /// - Parameter requestID: draws the request id of each recovered `disconnected`.
    /// - Throws: `damaged` where the tail of the log cannot be read.
    public init(of log: EventLog, requestID: () -> RequestID) throws(LogError) {
        let tail = try log.tail()
        if tail.position > .zero {  // its chain hash is what the new session builds on
            var end = try LogReader(log, from: tail.position)
            _ = try end.read()
        }
        let last = try log.sessions().last
        nextSession = SessionID((last?.id.rawValue ?? 0) + 1)
        engine = Engine(before: tail.position)
        guard let last else { return }

        let checkpoint = try log.checkpoint(atOrBefore: tail.position).flatMap { $0.position >= last.first ? $0 : nil }
        engine = try Recovery.engine(of: log, session: last, from: checkpoint, through: tail.position)
        lacksFinalCheckpoint = checkpoint?.position != tail.position
        guard last.last == nil else { return }

        let left = Departures(checkpoint)
        for member in engine.projection.inOrder {
            facts.append(
                .disconnected(
                    Disconnected(
                        connection: member.connection, request: requestID(), code: .abnormal,
                        reason: "Server crashed", cause: .crash,
                        deliveredAtLeast: left.atLeast(for: member.connection, opened: member.connectedAt))))
        }
        closedConnections = facts.count
        facts.append(.sessionEnded(.crash))
    }

    /// The session's engine at a position, folded from a checkpoint before it, or from the session's first event.
    static func engine(
        of log: EventLog, session: Session, from checkpoint: Checkpoint?, through end: Position
    ) throws(LogError) -> Engine {
        var engine = try engine(of: log, session: session, at: checkpoint)
        var reader = try LogReader(log, from: engine.projection.position.next)
        while true {
            let events = try reader.read(through: end)
            if events.isEmpty { return engine }
            _ = engine.apply(events)
        }
    }

    /// The session's engine at a checkpoint, or before its first event.
    static func engine(
        of log: EventLog, session: Session, at checkpoint: Checkpoint?
    ) throws(LogError) -> Engine {
        guard let checkpoint else { return Engine(before: session.first.previous) }
        let started = try log.start(of: session)
        var projection = Projection(position: session.first.previous)
        if let snapshot = try log.snapshot(atOrBefore: checkpoint.position), snapshot.position >= session.first {
            projection = snapshot.projection
        }
        var reader = try LogReader(log, from: projection.position.next)
        while projection.position < checkpoint.position {
            let events = try reader.read(through: checkpoint.position)
            if events.isEmpty { break }
            for event in events { Projector.fold(event, into: &projection) }
        }
        return Engine(resuming: started, at: checkpoint, projection: projection)
    }
}
