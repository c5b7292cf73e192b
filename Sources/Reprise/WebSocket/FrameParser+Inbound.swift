public import NIOCore

extension FrameParser {
    /// What a client sent, complete and checked.
    public enum Inbound: Equatable, Sendable {
        /// A whole message. The range is where its unmasked payload is now, as absolute indices (like `writerIndex`) of the
        /// buffer that was given to ``FrameParser/next(_:into:)``. Text is valid UTF-8.
        case message(MessageOpcode, Range<Int>)
        /// A ping with its payload, 0…125 bytes; answer the latest with a pong of the same bytes (RFC 6455 §5.5.3).
        case ping(ByteBuffer)
        /// A pong, asked for or not: a sign of life and nothing else. Its payload is dropped.
        case pong
        /// The client's Close; ``CloseCode/noStatus`` when the frame carried no code. Answer it and end the socket.
        case close(CloseCode, reason: String)
        /// The client broke a rule: send a Close with this code and reason, and end the socket. Codes: 1002, 1003, 1007, 1009.
        case violation(CloseCode, reason: String)
    }

    /// What a connection accepts; the same for every connection of a server.
    public struct Limits: Equatable, Sendable {
        // 32 bits are plenty (`ByteBuffer` ends there too) and keep the parser small: there is one per connection.
        let frameBytes: UInt32
        let messageBytes: UInt32

        /// The largest payload of one data frame, in bytes; above: 1009.
        public var frameBytesMax: Int { Int(frameBytes) }
        /// The largest payload of one message over all of its fragments, in bytes; above: 1009.
        public var messageBytesMax: Int { Int(messageBytes) }
        /// Whether binary messages are taken; otherwise: 1003.
        public let allowsBinary: Bool

        /// The largest value for either limit: 1 GiB.
        public static let bytesMax = 1 << 30

        /// Creates limits; the defaults are those of AWS API Gateway.
        ///
        /// - Precondition: Both limits are 1…``bytesMax``. Check configuration before it comes here.
        public init(frameBytesMax: Int = 32_768, messageBytesMax: Int = 131_072, allowsBinary: Bool = false) {
            precondition(
                (1...Self.bytesMax).contains(frameBytesMax) && (1...Self.bytesMax).contains(messageBytesMax),
                "frameBytesMax \(frameBytesMax) and messageBytesMax \(messageBytesMax) must be 1…\(Self.bytesMax)")
            frameBytes = UInt32(frameBytesMax)
            messageBytes = UInt32(messageBytesMax)
            self.allowsBinary = allowsBinary
        }
    }
}
