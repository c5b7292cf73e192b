// What a place means in a log.

extension Place {
    /// Which end of a range a place is. It matters to moments only: no event need lie exactly on one.
    public enum Edge: Sendable {
        /// The first event of a range: a moment means the first event at or after it.
        case first
        /// The last event of a range, or a single point: a moment means the last event at or before it.
        case last
    }

    /// The position of the event that the place names.
    ///
    /// An empty log has no places: even `start` and `end` are refused there, rather than given a position that no event
    /// has. In any other log the result is the position of an event that the log holds.
    ///
    /// - Parameters:
    ///   - now: the moment that `@-15m` counts back from; nothing here reads a clock.
    ///   - edge: how a moment between two events is rounded.
    /// - Throws: every case of `PlaceError` but `notAPlace`.
    public func resolve(in log: EventLog, now: Timestamp, as edge: Edge) throws(PlaceError) -> Position {
        guard let first = try reading({ () throws(LogError) in try log.firstPosition() }) else { throw .emptyLog }
        let last = try reading { () throws(LogError) in try log.tail().position }
        switch self {
        case .position(let position):
            return try check(position, first, last)
        case .start:
            return first
        case .end(let count):
            guard count < last.rawValue else { throw .beforeStart(self, first: first) }
            return try check(Position(last.rawValue - count), first, last)
        case .time(let time):
            return try resolve(time, in: log, first, last, edge)
        case .ago(let seconds):
            // `seconds` was checked when it was parsed; a moment before 1678 is before any log.
            let (moment, overflow) = now.rawValue.subtractingReportingOverflow(
                seconds * Timestamp.nanosecondsPerSecond)
            return try resolve(Timestamp(rawValue: overflow ? .min : moment), in: log, first, last, edge)
        case .session(let id):
            let sessions = try reading { () throws(LogError) in try log.sessions() }
            guard let session = sessions.first(where: { $0.id == id }) else {
                throw .noSuchSession(id, latest: sessions.last?.id)
            }
            return try kept(session.first, first)
        case .opened(let connection):
            return try kept(try span(of: connection, in: log).opened, first)
        case .closed(let connection):
            guard let closed = try span(of: connection, in: log).closed else { throw .stillOpen(connection) }
            return closed
        }
    }

    private func check(_ position: Position, _ first: Position, _ last: Position) throws(PlaceError) -> Position {
        if position < first { throw .beforeStart(self, first: first) }
        if position > last { throw .afterEnd(self, last: last) }
        return position
    }

    /// A position that the tables name although its event may have been trimmed away.
    private func kept(_ position: Position, _ first: Position) throws(PlaceError) -> Position {
        if position < first { throw .trimmed(self, position, first: first) }
        return position
    }

    private func resolve(
        _ time: Timestamp, in log: EventLog, _ first: Position, _ last: Position, _ edge: Edge
    ) throws(PlaceError) -> Position {
        switch edge {
        case .first:
            let found = try reading { () throws(LogError) in try log.firstPosition(atOrAfter: time) }
            return try check(found, first, last)
        case .last:
            // Times may repeat: the last event at a moment is the one before the first later event.
            guard time.rawValue < .max else { return last }
            let later = Timestamp(rawValue: time.rawValue + 1)
            let found = try reading { () throws(LogError) in try log.firstPosition(atOrAfter: later) }
            return try check(found.previous, first, last)
        }
    }

    private func span(of connection: ConnectionID, in log: EventLog) throws(PlaceError) -> ConnectionSpan {
        guard let span = try reading({ () throws(LogError) in try log.span(of: connection) }) else {
            throw .unknownConnection(connection)
        }
        return span
    }

    private func reading<Value>(_ body: () throws(LogError) -> Value) throws(PlaceError) -> Value {
        do throws(LogError) { return try body() } catch { throw .log(error) }
    }
}
