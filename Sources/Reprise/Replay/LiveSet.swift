// Who was live at a position, for people who ask. Never read from the log's start: a snapshot is at most 65 536 events
// away.

/// The live connections right after an event.
public struct LiveSet: Equatable, Sendable {
    /// The position of the event.
    public var position: Position
    /// When the event was stamped.
    public var time: Timestamp
    /// The session that the event belongs to.
    public var session: SessionID
    /// Who was live, in order of connection.
    public var members: [Projection.Member]

    /// What a projection holds.
    public init(_ projection: Projection, time: Timestamp, session: SessionID) {
        position = projection.position
        self.time = time
        self.session = session
        members = projection.inOrder
    }

    /// The live set at a position: from the last snapshot before it, or where the session has none yet from the
    /// session's start, folded forward.
    ///
    /// - Throws: `damaged` where the log has no event at the position, or one on the way is not what was written.
    /// - Complexity: O(live connections + events since the snapshot).
    public init(of log: EventLog, at position: Position) throws(LogError) {
        guard let session = try log.sessions().last(where: { $0.first <= position }) else {
            throw .damaged(position: position, reason: "no session of the catalogue holds it")
        }
        var projection = Projection(position: session.first.previous)
        if let snapshot = try log.snapshot(atOrBefore: position), snapshot.position >= session.first {
            projection = snapshot.projection
        }
        var time = projection.position == position ? try log.event(at: position)?.time : nil
        if projection.position < position {
            var reader = try LogReader(log, from: projection.position.next)
            var events: [Event] = []
            while reader.next <= position {
                try reader.read(through: position, into: &events)
                guard let last = events.last else { break }
                for event in events { Projector.fold(event, into: &projection) }
                time = last.time
            }
        }
        guard let time, projection.position == position else {
            throw .damaged(position: projection.position.next, reason: "the record is missing")
        }
        self.init(projection, time: time, session: session.id)
    }

    /// Who of this set is not in another, in order of connection.
    public func members(missingIn other: LiveSet) -> [Projection.Member] {
        let others = Set(other.members.map(\.connection))
        return members.filter { !others.contains($0.connection) }
    }
}
