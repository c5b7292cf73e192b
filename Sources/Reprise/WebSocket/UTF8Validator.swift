/// Checks UTF-8 that arrives in pieces of any size, and refuses it at the first byte that no valid text continues with.
///
/// It does not decode and holds no text: three bytes of state, so that a message may be cut between any two bytes, by
/// fragments or by the network. Overlong forms, surrogates and values above U+10FFFF are refused at their second byte
/// (RFC 3629 §4), which is what Autobahn's fail-fast cases 6.4 ask for.
///
/// ```
/// first byte    then          continuation bytes (the first one's range; the rest are 80…BF)
/// 00…7F         –
/// C2…DF         1             80…BF
/// E0            2             A0…BF   (below: overlong)
/// E1…EC EE EF   2             80…BF
/// ED            2             80…9F   (above: surrogates)
/// F0            3             90…BF   (below: overlong)
/// F1…F3         3             80…BF
/// F4            3             80…8F   (above: beyond U+10FFFF)
/// ```
///
/// - SeeAlso: RFC 6455 §8.1.
public struct UTF8Validator: Equatable, Sendable {
    /// Continuation bytes that the current character still needs; 0 between characters.
    private var owed: UInt8 = 0
    /// The range of the next continuation byte. An empty one (lowest > highest) marks refused text: nothing fits it.
    private var lowest: UInt8 = 0x80
    private var highest: UInt8 = 0xBF

    /// Creates a validator at the start of a text.
    public init() {}

    /// Whether the text could end here: everything so far is valid and the last character is whole.
    public var isComplete: Bool { owed == 0 }

    /// Checks the next bytes of the text.
    ///
    /// - Returns: `false` when the text cannot become valid any more, whatever follows; it stays `false` from then on.
    /// - Complexity: O(n), 8 bytes at a time in ASCII. No allocations.
    public mutating func consume(_ bytes: RawSpan) -> Bool {
        // The state lives in a local copy so that it stays in registers.
        var state = self
        defer { self = state }
        let end = bytes.byteCount
        var offset = 0
        while offset < end {
            let byte = Self.byte(bytes, at: offset)
            if state.owed == 0, byte < 0x80 {
                offset = Self.endOfASCII(bytes, after: offset)
            } else if state.accept(byte) {
                offset &+= 1
            } else {
                state.owed = 1
                state.lowest = 0xFF
                state.highest = 0x00
            }
            if state.lowest > state.highest { return false }
        }
        return state.lowest <= state.highest
    }

    /// Takes one byte of a character outside ASCII.
    @inline(__always)
    private mutating func accept(_ byte: UInt8) -> Bool {
        if owed > 0 {
            guard byte >= lowest, byte <= highest else { return false }
            owed &-= 1
            lowest = 0x80
            highest = 0xBF
            return true
        }
        switch byte {
        case 0xC2...0xDF: owed = 1
        case 0xE1...0xEC, 0xEE, 0xEF: owed = 2
        case 0xE0: (owed, lowest) = (2, 0xA0)
        case 0xED: (owed, highest) = (2, 0x9F)
        case 0xF1...0xF3: owed = 3
        case 0xF0: (owed, lowest) = (3, 0x90)
        case 0xF4: (owed, highest) = (3, 0x8F)
        default: return false
        }
        return true
    }

    /// The offset of the first byte after `start` that is not ASCII, or the end.
    @inline(__always)
    private static func endOfASCII(_ bytes: RawSpan, after start: Int) -> Int {
        let end = bytes.byteCount
        var offset = start &+ 1
        while end &- offset >= 8 {
            // Checked load: only the type is "unsafe", and every bit pattern is a UInt64.
            let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
            let highBits = UInt64(littleEndian: word) & 0x8080_8080_8080_8080
            guard highBits == 0 else { return offset &+ highBits.trailingZeroBitCount >> 3 }
            offset &+= 8
        }
        while offset < end, byte(bytes, at: offset) < 0x80 { offset &+= 1 }
        return offset
    }

    /// Checked load of one byte: every bit pattern is a UInt8.
    @inline(__always)
    private static func byte(_ bytes: RawSpan, at offset: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
