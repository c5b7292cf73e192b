// Base64 as RFC 4648 §4 defines it, for bodies that are not text. Strict: one text per sequence of bytes.

internal import NIOCore

enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// Appends the text of `bytes`, with padding.
    static func append(_ bytes: ByteBufferView, to buffer: inout ByteBuffer) {
        buffer.reserveCapacity(minimumWritableBytes: (bytes.count + 2) / 3 * 4)
        var group: UInt32 = 0
        var count = 0
        for byte in bytes {
            group = group << 8 | UInt32(byte)
            count += 1
            if count == 3 {
                for index in 0..<4 { buffer.writeSextet(alphabet, group >> UInt32(18 - 6 * index)) }
                group = 0
                count = 0
            }
        }
        if count == 0 { return }
        group <<= UInt32(8 * (3 - count))
        for index in 0..<4 {
            if index <= count {
                buffer.writeSextet(alphabet, group >> UInt32(18 - 6 * index))
            } else {
                buffer.writeInteger(padding)
            }
        }
    }

    /// Reads a text; `nil` when it is not what `append` gives for some bytes.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 4) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var group: UInt32 = 0
        var count = 0
        var padded = 0
        for character in text {
            if character == padding {
                padded += 1
                group <<= 6
            } else {
                guard padded == 0, let value = value(of: character) else { return nil }
                group = group << 6 | value
            }
            count += 1
            if count == 4 {
                let dropped: UInt32 = padded == 2 ? 0xFFFF : padded == 1 ? 0xFF : 0
                guard padded <= 2, group & dropped == 0 else { return nil }
                for shift in [16, 8, 0].prefix(3 - padded) { bytes.append(UInt8(truncatingIfNeeded: group >> shift)) }
                // Padding ends the text: nothing may follow it, which the guard above sees to.
                group = 0
                count = 0
            }
        }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case 0x41...0x5A: UInt32(character - 0x41)
        case 0x61...0x7A: UInt32(character - 0x61 + 26)
        case 0x30...0x39: UInt32(character - 0x30 + 52)
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}

extension ByteBuffer {
    fileprivate mutating func writeSextet(_ alphabet: [UInt8], _ bits: UInt32) {
        writeInteger(alphabet[Int(bits & 0x3F)])
    }
}
