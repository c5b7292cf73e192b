public import NIOCore

// Messages whose size is known only after they were written, and the headers of all frames.

extension FrameEncoder {
    /// Appends a message that `body` writes in place, so that it is never copied from a buffer of its own.
    ///
    /// Room for a header is left free, `body` writes, then the header is fixed up. A message of 126 bytes and more that
    /// fits one frame below 64 KiB is not moved at all; a shorter one is moved by two bytes; one that needs several frames
    /// is split from its end.
    ///
    /// - Parameters:
    ///   - opcode: The kind of the message.
    ///   - frameBytesMax: The largest payload of one frame, in bytes.
    ///   - buffer: Where the frames are appended. If `body` throws, it ends where it did before.
    ///   - body: Appends the payload to the buffer it is given and changes nothing before it.
    /// - Throws: What `body` throws.
    /// - Precondition: `frameBytesMax` ≥ 1, and `body` only appends.
    /// - Complexity: O(n); allocates only when `buffer` has to grow.
    public static func append<Failure: Error>(
        _ opcode: MessageOpcode,
        frameBytesMax: Int,
        to buffer: inout ByteBuffer,
        writing body: (inout ByteBuffer) throws(Failure) -> Void
    ) throws(Failure) {
        precondition(frameBytesMax >= 1, "frames of \(frameBytesMax) bytes")
        let start = buffer.writerIndex
        // Never more than a full frame's header, so that splitting only ever moves bytes towards the end.
        let reserved = headerByteCount(payloadByteCount: min(frameBytesMax, 65535))
        if reserved == 2 { buffer.writeInteger(UInt16(0)) } else { buffer.writeInteger(UInt32(0)) }
        do {
            try body(&buffer)
        } catch {
            buffer.moveWriterIndex(to: start)
            throw error
        }
        let payloadByteCount = buffer.writerIndex - start - reserved
        precondition(payloadByteCount >= 0, "the payload's writer took away \(-payloadByteCount) bytes")
        insertHeaders(opcode, payloadByteCount, frameBytesMax, at: start, reserved: reserved, in: &buffer)
    }

    /// Spreads a payload that begins `reserved` bytes after `start` into frames that begin at `start`.
    ///
    /// ```
    /// before   │reserved│ frame 0's payload │ frame 1's │ rest │
    /// after    │header│ frame 0's payload │header│ frame 1's │header│ rest │
    /// ```
    private static func insertHeaders(
        _ opcode: MessageOpcode, _ payloadByteCount: Int, _ frameBytesMax: Int, at start: Int, reserved: Int,
        in buffer: inout ByteBuffer
    ) {
        let encoded = encodedByteCount(payloadByteCount: payloadByteCount, frameBytesMax: frameBytesMax)
        buffer.reserveCapacity(start + encoded)
        let lastFrame = max(0, payloadByteCount - 1) / frameBytesMax
        let stride = headerByteCount(payloadByteCount: frameBytesMax) + frameBytesMax
        // From the end, because every frame after the first moves towards it.
        for frame in (0...lastFrame).reversed() {
            let offset = frame * frameBytesMax
            let count = min(frameBytesMax, payloadByteCount - offset)
            let headerIndex = start + frame * stride
            move(
                count, from: start + reserved + offset, to: headerIndex + headerByteCount(payloadByteCount: count),
                in: &buffer)
            setHeader(
                frame == 0 ? FrameOpcode(opcode) : .continuation, isFinal: frame == lastFrame, payloadByteCount: count,
                at: headerIndex, in: &buffer)
        }
        buffer.moveWriterIndex(to: start + encoded)
    }

    private static func move(_ count: Int, from source: Int, to target: Int, in buffer: inout ByteBuffer) {
        guard source != target else { return }
        do {
            try buffer.copyBytes(at: source, to: target, length: count)
        } catch {
            preconditionFailure("the payload's writer moved the reader index past \(source): \(error)")
        }
    }

    /// Bytes of an unmasked frame's header: 2, 4 or 10.
    static func headerByteCount(payloadByteCount: Int) -> Int {
        switch payloadByteCount {
        case ..<126: 2
        case ..<65536: 4
        default: 10
        }
    }

    /// Appends the header of one frame.
    static func appendHeader(
        _ opcode: FrameOpcode, isFinal: Bool, payloadByteCount: Int, to buffer: inout ByteBuffer
    ) {
        let index = buffer.writerIndex
        setHeader(opcode, isFinal: isFinal, payloadByteCount: payloadByteCount, at: index, in: &buffer)
        buffer.moveWriterIndex(to: index + headerByteCount(payloadByteCount: payloadByteCount))
    }

    /// Writes the header of one frame at an index, without moving the writer index.
    private static func setHeader(
        _ opcode: FrameOpcode, isFinal: Bool, payloadByteCount: Int, at index: Int, in buffer: inout ByteBuffer
    ) {
        let first = (isFinal ? 0b1000_0000 : 0) | opcode.rawValue
        // One store per header: the two fixed bytes and a 16-bit length are one big-endian integer.
        switch payloadByteCount {
        case ..<126:
            buffer.setInteger(UInt16(first) << 8 | UInt16(payloadByteCount), at: index)
        case ..<65536:
            buffer.setInteger(UInt32(first) << 24 | 126 << 16 | UInt32(payloadByteCount), at: index)
        default:
            buffer.setInteger(UInt16(first) << 8 | 127, at: index)
            buffer.setInteger(UInt64(payloadByteCount), at: index + 2)
        }
    }
}
