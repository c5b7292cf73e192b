public import NIOCore

/// A client sent a complete message.
public struct Message: Equatable, Sendable {
    /// The sender.
    public var connection: ConnectionID
    /// The message.
    public var message: MessageID
    /// The request; error frames carry it.
    public var request: RequestID
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The payload byte for byte, fragments joined.
    public var body: ByteBuffer
    /// The route that was chosen, or why none was.
    public var outcome: RouteOutcome

    /// Makes the fact.
    public init(
        connection: ConnectionID, message: MessageID, request: RequestID, opcode: MessageOpcode, body: ByteBuffer,
        outcome: RouteOutcome
    ) {
        self.connection = connection
        self.message = message
        self.request = request
        self.opcode = opcode
        self.body = body
        self.outcome = outcome
    }
}

/// What route selection said of a message.
public enum RouteOutcome: Equatable, Sendable {
    /// The key of the route that served it.
    case route(String)
    /// The sender gets an error frame.
    case refused(Refusal)
}
