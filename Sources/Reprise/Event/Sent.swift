public import NIOCore

/// Whom an ordered delivery addresses.
public enum SendTarget: Equatable, Sendable {
    /// Every live connection.
    case everyone
    /// One connection.
    case connection(ConnectionID)
}

/// The management API ordered a delivery.
public struct Sent: Equatable, Sendable {
    /// The management request.
    public var request: RequestID
    /// Whom it addresses.
    public var target: SendTarget
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The payload as delivered: invalid UTF-8 has become U+FFFD already.
    public var body: ByteBuffer

    /// Makes the fact.
    public init(request: RequestID, target: SendTarget, opcode: MessageOpcode, body: ByteBuffer) {
        self.request = request
        self.target = target
        self.opcode = opcode
        self.body = body
    }
}
