/// A message in a single frame, all of which has arrived: nearly every frame that clients send.
///
/// It decides nothing but "this is the common case, and in order". Whatever else there is, every violation included, is
/// no `WholeFrame`, and ``FrameHeader`` decides about it byte by byte: so each rule is written, and reported, once.
struct WholeFrame {
    let opcode: MessageOpcode
    /// 6 or 8: frames with 64-bit lengths are 64 KiB and more and hardly ever arrive in one read.
    let headerByteCount: Int
    let payloadByteCount: Int
    let mask: FrameMask

    /// Reads the frame at the front of `bytes`; `nil` when there is none of the common kind that is whole and allowed.
    @inline(__always)
    init?(_ bytes: Span<UInt8>, limits: FrameParser.Limits) {
        guard bytes.count >= 6 else { return nil }
        switch bytes[0] {
        case 0b1000_0001: opcode = .text
        case 0b1000_0010 where limits.allowsBinary: opcode = .binary
        default: return nil
        }
        // Negative for an unmasked frame.
        let length = Int(bytes[1]) - 0b1000_0000
        switch length {
        case 0...125:
            headerByteCount = 6
            payloadByteCount = length
        case 126 where bytes.count >= 8:
            headerByteCount = 8
            payloadByteCount = Int(bytes[2]) << 8 | Int(bytes[3])
            guard payloadByteCount >= 126 else { return nil }
        default: return nil
        }
        guard payloadByteCount <= limits.frameBytesMax, payloadByteCount <= limits.messageBytesMax,
            payloadByteCount <= bytes.count - headerByteCount
        else { return nil }
        var mask = FrameMask()
        for index in 0..<4 { mask.set(bytes[headerByteCount - 4 + index], at: index) }
        self.mask = mask
    }
}
