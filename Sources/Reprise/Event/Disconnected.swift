/// Why a connection ended.
public enum DisconnectCause: UInt8, Sendable, CaseIterable {
    /// The client sent a Close frame.
    case client = 1
    /// No traffic for the idle time.
    case idle
    /// The connection reached its longest life.
    case lifetime
    /// It did not read, and its outbox fell out of the ring.
    case slowConsumer
    /// The client broke RFC 6455 or a limit.
    case `protocol`
    /// `DELETE @connections/{id}`.
    case deleted
    /// The server stopped.
    case shutdown
    /// The socket ended without a Close frame.
    case lost
    /// The server died; written by the next one.
    case crash
    /// It sent more messages a second than it may.
    case messageRate
}

/// A connection ended.
public struct Disconnected: Equatable, Sendable {
    /// The connection.
    public var connection: ConnectionID
    /// The disconnect request.
    public var request: RequestID
    /// The close code: what the client sent, what the server sent, or 1005/1006 where there was none.
    public var code: CloseCode
    /// The close reason.
    public var reason: String
    /// Why.
    public var cause: DisconnectCause
    /// Everything addressed to the connection at or before this position had left in full (the kernel took its last
    /// byte), but for what a `skipped` names; the next thing addressed to it had not. `nil` after a crash.
    public var deliveredThrough: Position?
    /// After a crash: at least this much had left, by the last checkpoint. `nil` where no checkpoint says so.
    public var deliveredAtLeast: Position?
    /// Bytes of frames that the kernel took.
    public var bytesSent: UInt64

    /// Makes the fact.
    public init(
        connection: ConnectionID, request: RequestID, code: CloseCode, reason: String, cause: DisconnectCause,
        deliveredThrough: Position? = nil, deliveredAtLeast: Position? = nil, bytesSent: UInt64 = 0
    ) {
        self.connection = connection
        self.request = request
        self.code = code
        self.reason = reason
        self.cause = cause
        self.deliveredThrough = deliveredThrough
        self.deliveredAtLeast = deliveredAtLeast
        self.bytesSent = bytesSent
    }
}

/// A slow consumer was moved past a range of positions: every delivery to it in the range was skipped in full. One per
/// gap, recorded when the gap ends and before the connection's `disconnected`. Ranges of one connection do not overlap.
///
/// A message whose first bytes had left was completed, or cut off by the end of the socket; it is in no range.
public struct Skipped: Equatable, Sendable {
    /// The connection.
    public var connection: ConnectionID
    /// The position after the last delivery that had begun.
    public var first: Position
    /// The position of the last delivery that it was not sent.
    public var last: Position

    /// Makes the fact.
    public init(connection: ConnectionID, first: Position, last: Position) {
        self.connection = connection
        self.first = first
        self.last = last
    }
}
