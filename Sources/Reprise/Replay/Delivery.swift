// What one event orders, as a value of its own: for the tools that look at single deliveries. The live path and `verify`
// use the `Broadcaster`, which writes the same straight into frames; a test holds the two together.

public import NIOCore

/// What an event orders to be delivered, whoever is live.
///
/// Its recipients are `target`'s, as far as they are in the live connection set before the event is folded.
public struct Delivery: Equatable, Sendable {
    /// The position of the event.
    public var position: Position
    /// Whom it addresses.
    public var target: SendTarget
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The WebSocket payload that every recipient gets.
    public var payload: ByteBuffer

    /// What `event` orders under a configuration, or `nil` when it orders nothing.
    ///
    /// The recorded outcome of a message is applied, not decided again.
    public init?(of event: Event, under configuration: EngineConfiguration) {
        position = event.position
        payload = ByteBuffer()
        switch event.fact {
        case .sent(let sent):
            target = sent.target
            opcode = sent.opcode
            payload = sent.body
        case .message(let message):
            switch message.outcome {
            case .refused(let refusal):
                target = .connection(message.connection)
                opcode = .text
                payload.writeErrorFrame(refusal.message, connection: message.connection, request: message.request)
            case .route(let key):
                let body = message.body.readableBytesSpan
                guard let match = configuration.routes.match(body, recorded: key),
                    case .route(let index) = match.decision
                else { return nil }
                let action = configuration.routes.actions[index]
                switch action {
                case .broadcast: target = .everyone
                case .reply: target = .connection(message.connection)
                case .record: return nil
                }
                opcode = action.payloadSource.opcode(of: message)
                configuration.routes.appendPayload(of: match, body: body, to: &payload)
            }
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded:
            return nil
        }
    }

    /// Whether the delivery addresses a connection, live or not.
    public func addresses(_ connection: ConnectionID) -> Bool {
        switch target {
        case .everyone: true
        case .connection(let only): only == connection
        }
    }
}
