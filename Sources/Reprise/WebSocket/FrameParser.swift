public import NIOCore

/// The server's side of RFC 6455 framing for one connection: bytes in, messages out. Pure and incremental.
///
/// It takes bytes cut anywhere and gives the same results however they were cut. It writes nothing, answers nothing and
/// knows no time: pings, closes and violations are returned, the connection acts on them.
///
/// *Memory*: an idle parser is its own ``MemoryLayout`` size (a test states it) and holds no heap memory. A message that
/// lies whole in the input is unmasked straight into the caller's buffer. Only a message that arrives in pieces is kept,
/// in a buffer that grows with what has arrived (never with what a header promises) and is released with the message.
///
/// ```
///          next ──▶ nextWholeMessage ──▶ .message         one FIN frame, all of it in the input: the fast path
///            │
///            └───▶ readHeader ──▶ readPayload ──▶ endFrame ──▶ .message, .ping, .pong, .close
///                      └───────────────┴─────────────┴──▶ fail ──▶ .violation
/// ```
///
/// - Note: Owned by its connection's event loop; a plain value without locks.
/// - SeeAlso: RFC 6455 §5 and §8.1; limits and reasons after AWS API Gateway.
public struct FrameParser: Sendable {
    /// What the next input byte is.
    enum Phase: UInt8 {
        case header
        case payload
        /// A Close or a violation was returned: everything after it is discarded (RFC 6455 §1.4).
        case finished
    }

    /// The unmasked bytes of the message so far, then those of a control frame that came in between.
    var pending = ByteBuffer()
    /// The frame being read.
    var header = FrameHeader()
    /// How many bytes of `pending` are the message's; what follows is a control frame's.
    var messageByteCount: UInt32 = 0
    let limits: Limits
    var phase = Phase.header
    /// The opcode of the fragmented message being read; `nil` between messages.
    var messageOpcode: MessageOpcode?
    /// Where the text of that message stands.
    var validator = UTF8Validator()

    /// Creates a parser at the first byte after the handshake.
    public init(limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Whether a Close or a violation ended the stream: nothing is returned any more.
    public var isFinished: Bool { phase == .finished }

    /// The heap memory that the parser holds for a message or control frame that is under way, in bytes; 0 when idle.
    public var heapByteCount: Int { pending.storageCapacity }

    /// Returns the next complete thing that the client sent.
    ///
    /// Call it until it returns `nil`: by then all of `input` is consumed, and the parser keeps what it needs. The caller
    /// has no bytes to carry over to the next read. After `.close` and `.violation` the rest of `input` is discarded.
    ///
    /// - Parameters:
    ///   - input: Bytes from the socket, any number. Its reader index moves past what was consumed.
    ///   - payloads: Where messages' payloads are appended; otherwise untouched, so that one buffer can collect the
    ///     messages of a whole loop turn.
    /// - Returns: The next message, control frame or violation; `nil` when more input is needed.
    /// - Complexity: O(bytes consumed). A whole message allocates only when `payloads` has to grow.
    /// - SeeAlso: RFC 6455 §5.2, §5.4, §5.5.
    public mutating func next(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        if let inbound = nextWholeMessage(&input, into: &payloads) { return inbound }
        while input.readableBytes > 0 {
            let inbound: Inbound?
            switch phase {
            case .header: inbound = readHeader(&input, into: &payloads)
            case .payload: inbound = readPayload(&input, into: &payloads)
            case .finished:
                input.moveReaderIndex(to: input.writerIndex)
                return nil
            }
            if let inbound { return inbound }
        }
        return nil
    }

    /// The fast path: copies and unmasks in one go, from the socket's bytes to the caller's.
    @inline(__always)
    private mutating func nextWholeMessage(_ input: inout ByteBuffer, into payloads: inout ByteBuffer) -> Inbound? {
        let start = payloads.writerIndex
        guard phase == .header, header.byteCount == 0, messageOpcode == nil,
            let frame = WholeFrame(input.readableBytesUInt8Span, limits: limits, unmaskingInto: &payloads)
        else { return nil }
        input.moveReaderIndex(forwardBy: frame.byteCount)

        if frame.opcode == .text, !frame.isASCII {
            var validator = UTF8Validator()
            let isValid = validator.consume(payloads.readableBytesSpan.extracting(last: frame.payloadByteCount))
            guard isValid, validator.isComplete else {
                payloads.moveWriterIndex(to: start)
                return fail(.invalidPayload, Self.invalidText, &input)
            }
        }
        return .message(frame.opcode, start..<start + frame.payloadByteCount)
    }

    /// Ends the stream with a violation and lets go of everything.
    mutating func fail(_ code: CloseCode, _ reason: String, _ input: inout ByteBuffer) -> Inbound {
        finish(&input)
        return .violation(code, reason: reason)
    }

    /// Ends the stream: no memory, no input, no further results.
    mutating func finish(_ input: inout ByteBuffer) {
        abandon()
        input.moveReaderIndex(to: input.writerIndex)
    }

    /// Ends the stream in the middle of whatever is under way: no memory, no further results.
    public mutating func abandon() {
        phase = .finished
        pending = ByteBuffer()
        messageByteCount = 0
        messageOpcode = nil
    }

    static let invalidText = "Text is not valid UTF-8"
}
