// What the log says of one connection as a whole: how it began, how it ended, and how far its bytes had left.

/// The facts that decide what became of the messages for one connection. Immutable; a class, so that every explanation
/// can carry it for the price of a pointer.
public final class ConnectionHistory: Sendable {
    /// A connection's `disconnected`, as the log holds it.
    public struct Closing: Equatable, Sendable {
        /// Its position.
        public var position: Position
        /// When it was stamped.
        public var time: Timestamp
        /// What it says.
        public var disconnected: Disconnected
    }

    /// The connection.
    public let connection: ConnectionID
    /// Its `connected`. A trimmed log need not hold the event any more.
    public let opening: EventLog.Opening
    /// Its `disconnected`; `nil` while it is open.
    public let closing: Closing?
    /// Where the history ends: at the close, or where the log ended when it was looked up.
    public let end: Position
    /// While it is open: the last checkpoint, which says what had left.
    public let checkpoint: Position?
    /// Everything addressed to the connection at or before this position has left, but for what a `skipped` names. Of
    /// what was addressed to it later, see `isFinal`. Position 0: nothing is known to have left.
    public let leftThrough: Position

    /// Whether nothing left that `leftThrough` does not cover: so it is unless the server crashed, or the connection is
    /// still open.
    public var isFinal: Bool { closing.map { $0.disconnected.cause != .crash } ?? false }

    /// Looks a connection up, or returns `nil` where the log does not know it.
    ///
    /// - Throws: `damaged` where the log names an end that it does not hold.
    public init?(of connection: ConnectionID, in log: EventLog) throws(LogError) {
        guard let opening = try log.opening(of: connection) else { return nil }
        self.connection = connection
        self.opening = opening
        // The checkpoint comes before the tail: every gap that it relies on is then at or before the end.
        let closed = try log.span(of: connection)?.closed
        let departures = Departures(closed == nil ? try log.checkpoint(atOrBefore: Position(.max)) : nil)
        guard let closed else {
            closing = nil
            checkpoint = departures.checkpoint
            leftThrough = departures.atLeast(for: connection, opened: opening.position) ?? .zero
            end = try log.tail().position
            return
        }
        guard let event = try log.event(at: closed), case .disconnected(let disconnected) = event.fact else {
            throw .damaged(position: closed, reason: "the close of connection \(connection) is not there")
        }
        closing = Closing(position: closed, time: event.time, disconnected: disconnected)
        checkpoint = nil
        leftThrough =
            (disconnected.cause == .crash ? disconnected.deliveredAtLeast : disconnected.deliveredThrough) ?? .zero
        end = closed
    }

    /// What became of a delivery.
    ///
    /// - Parameters:
    ///   - position: the event that ordered it.
    ///   - target: whom it addresses; `nil` where the event orders none.
    ///   - isSkipped: whether the position lies in a range that the connection skipped.
    public func verdict(at position: Position, target: SendTarget?, isSkipped: Bool) -> Verdict {
        switch target {
        case nil: return .notAddressed
        case .connection(let other) where other != connection: return .notAddressed
        case .everyone, .connection: break
        }
        if position <= opening.position { return .notYetConnected }
        if let closing, position >= closing.position { return .alreadyDisconnected }
        if isSkipped { return .skipped }
        if position <= leftThrough { return .delivered }
        return isFinal ? .cutOff : .unknown
    }
}
