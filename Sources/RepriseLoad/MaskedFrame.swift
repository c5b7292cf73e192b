/// Client-to-server frames: whole, final and masked (RFC 6455 §5.2, §5.3).
///
/// ```
///  byte 0     byte 1       0, 2 or 8 bytes    4 bytes    length bytes
/// ┌─────────┬────────────┬──────────────────┬──────────┬─────────────────────────┐
/// │ 1000opcd│ 1 length7  │ length16/64, BE  │ mask key │ payload[i] ^ key[i & 3] │
/// └─────────┴────────────┴──────────────────┴──────────┴─────────────────────────┘
/// ```
enum MaskedFrame {
    /// The opcodes that the generator sends or meets.
    enum Opcode {
        static let text: UInt8 = 0x1
        static let binary: UInt8 = 0x2
        static let close: UInt8 = 0x8
        static let ping: UInt8 = 0x9
        static let pong: UInt8 = 0xA
    }

    /// Appends one frame.
    ///
    /// - Parameters:
    ///   - opcode: the low four bits of the first byte.
    ///   - key: the mask key; its lowest byte masks the first payload byte.
    ///   - payloadBytes: how many bytes `payload` appends; checked.
    ///   - bytes: where the frame goes.
    ///   - payload: appends the payload, unmasked.
    static func append(
        opcode: UInt8, key: UInt32, payloadBytes: Int, to bytes: inout [UInt8], payload: (inout [UInt8]) -> Void
    ) {
        bytes.append(0x80 | opcode)
        if payloadBytes < 126 {
            bytes.append(0x80 | UInt8(payloadBytes))
        } else if payloadBytes <= 0xFFFF {
            bytes.append(0x80 | 126)
            for shift in stride(from: 8, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payloadBytes >> shift))
            }
        } else {
            bytes.append(0x80 | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: payloadBytes >> shift))
            }
        }
        for shift in stride(from: 0, through: 24, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: key >> UInt32(shift)))
        }
        let start = bytes.count
        payload(&bytes)
        precondition(
            bytes.count - start == payloadBytes, "\(bytes.count - start) B written, \(payloadBytes) B promised")
        mask(&bytes, from: start, key: key)
    }

    /// Appends a Close frame with a status code and a reason; without a code it has no payload.
    static func appendClose(code: UInt16?, reason: String = "", key: UInt32, to bytes: inout [UInt8]) {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) } ?? []
        append(opcode: Opcode.close, key: key, payloadBytes: payload.count, to: &bytes) {
            $0.append(contentsOf: payload)
        }
    }

    /// Masks, or unmasks, in place from `start` to the end.
    private static func mask(_ bytes: inout [UInt8], from start: Int, key: UInt32) {
        var span = bytes.mutableSpan
        for index in start..<span.count {
            span[index] ^= UInt8(truncatingIfNeeded: key >> UInt32(((index - start) & 3) << 3))
        }
    }
}
