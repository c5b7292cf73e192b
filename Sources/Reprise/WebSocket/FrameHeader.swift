/// Decodes the header of a client frame, one byte at a time, and refuses it at the first byte that is wrong.
///
/// Byte by byte, because a header may be cut anywhere by the network: there is one decoder, and no partial bytes to keep
/// and read again. It checks what a header says by itself; the parser checks what it means in the connection (limits,
/// fragments). Frames of the common kind that arrive whole never come here: see `FrameParser.nextWholeMessage`.
///
/// ```
///  byte 0           byte 1           0, 2 or 8 bytes        4 bytes
/// ┌─┬─┬─┬─┬───────┐┌─┬─────────────┐┌──────────────────┐┌─────────────┐
/// │F│R│R│R│ opcode││1│ length 0–125││ length, if 126   ││ masking key │
/// │I│S│S│S│       ││ │ or 126, 127 ││ or 127,          ││             │
/// │N│V│V│V│       ││ │             ││ big-endian       ││             │
/// └─┴─┴─┴─┴───────┘└─┴─────────────┘└──────────────────┘└─────────────┘
/// ```
///
/// - SeeAlso: RFC 6455 §5.2.
struct FrameHeader: Sendable {
    /// Payload bytes that the frame still has to bring; while the header is incomplete, the length as far as it is known.
    var payloadByteCount: UInt64 = 0
    /// The masking key, turned along by the parser as the payload arrives.
    var mask = FrameMask()
    private(set) var opcode = FrameOpcode.continuation
    private(set) var isFinal = false
    /// Header bytes taken so far, 0…14.
    private(set) var byteCount: UInt8 = 0
    /// Header bytes in all: 6, 8 or 14, known after byte 1.
    private var byteCountTotal: UInt8 = 2

    /// What a byte completed.
    enum Progress {
        case more
        /// Byte 0 is in: `opcode` and `isFinal` are known.
        case kind
        /// The last length byte is in: `payloadByteCount` is known.
        case length
        /// The masking key is in: the payload follows.
        case complete
        /// The header breaks RFC 6455 §5.2 or §5.5: close 1002 with this reason.
        case violation(String)
    }

    /// Takes the next byte of the header.
    mutating func append(_ byte: UInt8) -> Progress {
        let index = byteCount
        byteCount &+= 1
        switch index {
        case 0: return appendKind(byte)
        case 1: return appendShortLength(byte)
        case ..<(byteCountTotal &- 4):
            // At most 8 bytes, so the shift loses nothing.
            payloadByteCount = payloadByteCount << 8 | UInt64(byte)
            return byteCount == byteCountTotal &- 4 ? checkLength() : .more
        default:
            mask.set(byte, at: Int(index &- (byteCountTotal &- 4)))
            return byteCount == byteCountTotal ? .complete : .more
        }
    }

    private mutating func appendKind(_ byte: UInt8) -> Progress {
        // No extension is ever negotiated, so all three bits must be 0.
        guard byte & 0b0111_0000 == 0 else { return .violation("Reserved bits must be 0") }
        guard let opcode = FrameOpcode(rawValue: byte & 0b0000_1111) else { return .violation("Unknown opcode") }
        self.opcode = opcode
        isFinal = byte & 0b1000_0000 != 0
        guard isFinal || !opcode.isControl else { return .violation("Control frames must not be fragmented") }
        return .kind
    }

    private mutating func appendShortLength(_ byte: UInt8) -> Progress {
        guard byte & 0b1000_0000 != 0 else { return .violation("Client frames must be masked") }
        let length = byte & 0b0111_1111
        guard length <= 125 || !opcode.isControl else { return .violation("Control frame above 125 bytes") }
        switch length {
        case 126: byteCountTotal = 8
        case 127: byteCountTotal = 14
        default:
            byteCountTotal = 6
            payloadByteCount = UInt64(length)
            return .length
        }
        return .more
    }

    /// "The minimal number of bytes MUST be used to encode the length" and the top bit of 64 "MUST be 0" (RFC 6455 §5.2).
    private func checkLength() -> Progress {
        guard payloadByteCount >> 63 == 0 else { return .violation("Payload length above 63 bits") }
        guard payloadByteCount >= (byteCountTotal == 8 ? 126 : 65536) else {
            return .violation("Payload length not in its shortest form")
        }
        return .length
    }
}
