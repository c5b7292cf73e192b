// The one decision: to whom, as what, and where the bytes are. Live it is made on the sender's loop, in a replay by the feed,
// by the tools where they need it; nobody who has it looks at the body again.

public import NIOCore

/// What an event orders to be delivered, whoever is live. It owns no bytes.
///
/// Its recipients are `target`'s, as far as they are in the live connection set before the event is folded.
public struct Delivery: Sendable {
    /// Whom it addresses.
    public var target: SendTarget
    /// Text or binary.
    public var opcode: MessageOpcode
    /// Where its payload is.
    public var payload: Payload

    /// Where the WebSocket payload is that every recipient gets.
    public enum Payload: Sendable {
        /// It stands in the event's body, at these offsets.
        case body(Range<Int>)
        /// It is the canonical text of a value in the event's body, and somebody has to write it.
        case rewritten(JSONSlice)
        /// The same, written.
        case carried(ByteBuffer)
        /// The error frame for the sender.
        case error(Refusal)
    }

    /// What a management call orders.
    public init(of sent: Sent) {
        target = sent.target
        opcode = sent.opcode
        payload = .body(0..<sent.body.readableBytes)
    }

    /// What a message orders, or `nil` when it orders nothing.
    ///
    /// - Parameter match: what `routes` made of the body.
    public init?(
        _ match: RouteMatch, from sender: ConnectionID, _ opcode: MessageOpcode, bodyByteCount: Int,
        under routes: RouteTable
    ) {
        switch match.decision {
        case .refused(let refusal):
            target = .connection(sender)
            self.opcode = .text
            payload = .error(refusal)
        case .route(let index):
            let action = routes.actions[index]
            switch action {
            case .broadcast: target = .everyone
            case .reply: target = .connection(sender)
            case .record: return nil
            }
            self.opcode = action.payloadSource.opcode(of: opcode)
            switch match.payload {
            case .none: payload = .body(0..<0)
            case .message: payload = .body(0..<bodyByteCount)
            case .data(let slice) where slice.form == .canonical: payload = .body(slice.start..<slice.end)
            case .data(let slice): payload = .rewritten(slice)
            }
        }
    }

    /// What a message orders whose match is the recorded outcome.
    init?(_ match: RouteMatch, of message: Message, under routes: RouteTable) {
        self.init(
            match, from: message.connection, message.opcode, bodyByteCount: message.body.readableBytes, under: routes)
    }

    /// What a message orders whose recorded outcome is applied, not decided again.
    init?(recorded message: Message, under routes: RouteTable) {
        guard let match = routes.match(recorded: message) else { return nil }
        self.init(match, of: message, under: routes)
    }

    /// What `event` orders under a configuration, or `nil` when it orders nothing.
    ///
    /// The recorded outcome of a message is applied, not decided again.
    public init?(of event: Event, under configuration: EngineConfiguration) {
        switch event.fact {
        case .sent(let sent):
            self.init(of: sent)
        case .message(let message):
            self.init(recorded: message, under: configuration.routes)
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

    /// The payload, for the tools that look at single deliveries.
    ///
    /// - Parameter event: the event that ordered the delivery.
    public func payload(of event: Event) -> ByteBuffer {
        switch payload {
        case .carried(let text):
            return text
        case .body(let range):
            let body = event.body
            return body.getSlice(at: body.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
        case .rewritten(let slice):
            var (text, rewriter) = (ByteBuffer(), JSONRewriter())
            CanonicalJSON.append(slice, of: event.body.readableBytesSpan, to: &text, with: &rewriter)
            return text
        case .error(let refusal):
            guard case .message(let message) = event.fact else { return ByteBuffer() }
            var frame = ByteBuffer()
            frame.writeErrorFrame(refusal.message, connection: message.connection, request: message.request)
            return frame
        }
    }
}

extension Event {
    /// The bytes that came with the event; none for events without a body.
    fileprivate var body: ByteBuffer {
        switch fact {
        case .message(let message): message.body
        case .sent(let sent): sent.body
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded: ByteBuffer()
        }
    }
}

extension PayloadSource {
    /// JSON is text whatever frame it came in; a message that is passed on keeps its opcode.
    fileprivate func opcode(of message: MessageOpcode) -> MessageOpcode {
        switch self {
        case .data: .text
        case .message: message
        }
    }
}
