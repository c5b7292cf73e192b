// Single events, found by what they are about.

extension EventLog {
    /// A connection's `connected`, as the log holds it.
    public struct Opening: Equatable, Sendable {
        /// Its position.
        public var position: Position
        /// When it was stamped.
        public var time: Timestamp
        /// What it says.
        public var connected: Connected
    }

    /// The event at a position, or `nil` where the log has none.
    ///
    /// Of what was trimmed away it still has the `connected` of every connection that was live at the cut, and the
    /// `sessionStarted` of the session that ran there.
    ///
    /// - Throws: `damaged` where it is not what was written.
    public func event(at position: Position) throws(LogError) -> Event? {
        guard position > .zero, position <= (try tail().position) else { return nil }
        do throws(LogError) {
            var reader = try LogReader(self, from: position)
            return try reader.read(through: position).first
        } catch {
            guard case .trimmed = error else { throw error }
            return try keptEvent(at: position)
        }
    }

    /// The `connected` of a connection, or `nil` when the log does not know the connection.
    public func opening(of connection: ConnectionID) throws(LogError) -> Opening? {
        guard let position = try span(of: connection)?.opened, let event = try event(at: position),
            case .connected(let connected) = event.fact
        else { return nil }
        return Opening(position: event.position, time: event.time, connected: connected)
    }

    /// The first fact of a session: everything that decides its deliveries besides events.
    ///
    /// It is known as long as the log holds any event of the session, also where the beginning was trimmed away.
    ///
    /// - Throws: `damaged` where the session does not begin with it.
    public func start(of session: Session) throws(LogError) -> SessionStarted {
        guard case .sessionStarted(let started)? = try event(at: session.first)?.fact else {
            throw .damaged(position: session.first, reason: "the session does not begin with sessionStarted")
        }
        return started
    }
}
