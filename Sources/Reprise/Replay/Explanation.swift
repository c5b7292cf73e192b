/// What became of one message for one connection, and why: each part of the evidence has its position in the log.
public struct Explanation: Sendable {
    /// A recorded gap in what a connection was sent.
    public struct Gap: Equatable, Sendable {
        /// The position of the `skipped`.
        public var position: Position
        /// What it says.
        public var skipped: Skipped
    }

    /// The event.
    public var position: Position
    /// The kind of the event, as exports spell it.
    public var event: String
    /// What became of it.
    public var verdict: Verdict
    /// Whom it addresses; `nil` where it orders no delivery.
    public var target: SendTarget?
    /// The gap that it lies in, if the verdict is `skipped`.
    public var gap: Gap?
    /// Everything that the log says of the connection as a whole.
    public var history: ConnectionHistory

    /// The verdict and its reason as a sentence without a full stop.
    public var sentence: String {
        let connection = history.connection
        let closed = history.closing?.position ?? .zero
        switch verdict {
        case .delivered:
            return "delivered: the kernel took its last byte"
        case .notYetConnected:
            return "not yet connected: the connection was opened at position \(history.opening.position)"
        case .alreadyDisconnected:
            return "already disconnected: the connection was closed at position \(closed)"
        case .cutOff:
            return "cut off: not all of it had left when the connection ended at position \(closed)"
        case .skipped:
            return "skipped: the connection did not read, and was moved past it"
        case .notAddressed:
            guard case .connection(let other)? = target else { return "not addressed: \(event) orders no delivery" }
            return other == connection
                ? "not addressed" : "not addressed: it was for connection \(other) alone"
        case .unknown:
            return history.closing == nil
                ? "unknown: the connection is open, and no checkpoint says yet that it had left"
                : "unknown: the server crashed, and no checkpoint says that it had left"
        }
    }
}
