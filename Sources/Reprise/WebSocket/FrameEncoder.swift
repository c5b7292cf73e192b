public import NIOCore

/// Encodes server-to-client frames: unmasked, so every recipient of a broadcast gets the same bytes and they are encoded
/// once.
///
/// ```
///  byte 0             byte 1      0, 2 or 8 bytes           payload
/// ┌─┬─────┬────────┐┌─┬─────────┐┌────────────────────────┐┌─────────────────────────┐
/// │F│0 0 0│ opcode ││0│ length, ││ length, big-endian,    ││ at most `frameBytesMax` │
/// │I│     │        ││ │ 126, 127││ if ≥ 126, ≥ 65536      ││ bytes                   │
/// │N│     │        ││ │         ││                        ││                         │
/// └─┴─────┴────────┘└─┴─────────┘└────────────────────────┘└─────────────────────────┘
/// ```
///
/// It does not look into payloads: text must already be UTF-8.
///
/// - SeeAlso: RFC 6455 §5.2, §5.4, §5.5.
public enum FrameEncoder {
    /// The largest payload of a control frame, in bytes (RFC 6455 §5.5).
    public static let controlBytesMax = 125

    /// The largest reason of a Close frame, in UTF-8 bytes: the rest of the payload is the code.
    public static let closeReasonBytesMax = controlBytesMax - 2

    /// Appends a message, in as many frames as it needs.
    ///
    /// - Parameters:
    ///   - opcode: The kind of the message; its first frame carries it, the others are continuations.
    ///   - payload: The whole message; empty gives one empty frame.
    ///   - frameBytesMax: The largest payload of one frame, in bytes; AWS API Gateway splits at 32 768.
    ///   - buffer: Where the frames are appended.
    /// - Precondition: `frameBytesMax` ≥ 1.
    /// - Complexity: O(n); allocates only when `buffer` has to grow, at most once.
    public static func append(
        _ opcode: MessageOpcode, payload: RawSpan, frameBytesMax: Int, to buffer: inout ByteBuffer
    ) {
        let end = payload.byteCount
        if end <= frameBytesMax { return appendWhole(opcode, payload, to: &buffer) }
        buffer.reserveCapacity(
            minimumWritableBytes: encodedByteCount(payloadByteCount: end, frameBytesMax: frameBytesMax))
        var offset = 0
        repeat {
            let count = min(frameBytesMax, end - offset)
            let kind = offset == 0 ? FrameOpcode(opcode) : .continuation
            appendHeader(kind, isFinal: offset + count == end, payloadByteCount: count, to: &buffer)
            buffer.writeBytes(payload.extracting(offset..<offset + count))
            offset += count
        } while offset < end
    }

    /// How many bytes a message takes on the wire, headers included.
    ///
    /// - Parameters:
    ///   - payloadByteCount: Bytes of the message, ≥ 0.
    ///   - frameBytesMax: The largest payload of one frame, in bytes, ≥ 1.
    public static func encodedByteCount(payloadByteCount: Int, frameBytesMax: Int) -> Int {
        precondition(
            frameBytesMax >= 1 && payloadByteCount >= 0,
            "\(payloadByteCount) bytes cannot be put into frames of \(frameBytesMax) bytes")
        // Nearly always; and it spares the division.
        guard payloadByteCount > frameBytesMax else {
            return payloadByteCount + headerByteCount(payloadByteCount: payloadByteCount)
        }
        let (fullFrames, rest) = payloadByteCount.quotientAndRemainder(dividingBy: frameBytesMax)
        return payloadByteCount + fullFrames * headerByteCount(payloadByteCount: frameBytesMax)
            + (rest > 0 ? headerByteCount(payloadByteCount: rest) : 0)
    }

    /// Appends a ping.
    ///
    /// - Precondition: `payload` has at most ``controlBytesMax`` bytes.
    public static func appendPing(_ payload: RawSpan, to buffer: inout ByteBuffer) {
        appendControl(.ping, payload, to: &buffer)
    }

    /// Appends a pong; its payload is the ping's, which has 0…125 bytes if it came from ``FrameParser``.
    ///
    /// - Precondition: `payload` has at most ``controlBytesMax`` bytes.
    public static func appendPong(_ payload: RawSpan, to buffer: inout ByteBuffer) {
        appendControl(.pong, payload, to: &buffer)
    }

    /// Appends a Close.
    ///
    /// - Parameters:
    ///   - code: A code that must not be in a frame (such as ``CloseCode/noStatus``) gives a Close with no payload, hence
    ///     without the reason: a close is never the place to trap.
    ///   - reason: Cut after the last whole Unicode scalar within ``closeReasonBytesMax`` bytes.
    ///   - buffer: Where the frame is appended.
    /// - SeeAlso: RFC 6455 §5.5.1, §7.4.
    public static func appendClose(_ code: CloseCode, reason: String, to buffer: inout ByteBuffer) {
        guard code.isValidOnTheWire else {
            return appendHeader(.close, isFinal: true, payloadByteCount: 0, to: &buffer)
        }
        var reasonByteCount = 0
        for scalar in reason.unicodeScalars {
            let width = UTF8.width(scalar)
            guard reasonByteCount + width <= closeReasonBytesMax else { break }
            reasonByteCount += width
        }
        appendHeader(.close, isFinal: true, payloadByteCount: 2 + reasonByteCount, to: &buffer)
        buffer.writeInteger(code.rawValue)
        buffer.writeBytes(reason.utf8.prefix(reasonByteCount))
    }

    private static func appendControl(_ opcode: FrameOpcode, _ payload: RawSpan, to buffer: inout ByteBuffer) {
        precondition(
            payload.byteCount <= controlBytesMax,
            "a control frame of \(payload.byteCount) bytes; at most \(controlBytesMax)")
        appendHeader(opcode, isFinal: true, payloadByteCount: payload.byteCount, to: &buffer)
        buffer.writeBytes(payload)
    }
}
