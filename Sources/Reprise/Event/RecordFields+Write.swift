// The writing half of our binary shapes. Bounds are checked by the span; `unsafe` is about types with padding, which
// integers have not, and about one copy whose size is checked beside it.

internal import NIOCore

extension OutputRawSpan {
    /// Writes a number, little-endian.
    @inline(__always)
    mutating func writeInteger(_ value: some FixedWidthInteger & BitwiseCopyable) {
        unsafe append(value.littleEndian, as: type(of: value))
    }

    /// Writes the 11 bytes of a token.
    @inline(__always)
    mutating func writeToken(_ token: Token) {
        writeInteger(token.high.byteSwapped)
        writeInteger(UInt8(truncatingIfNeeded: token.low >> 16))
        writeInteger(UInt16(truncatingIfNeeded: token.low).byteSwapped)
    }

    /// Writes bytes as they are.
    @inline(__always)
    mutating func writeBytes(_ bytes: RawSpan) {
        precondition(bytes.byteCount <= freeCapacity, "\(bytes.byteCount) bytes for a room of \(freeCapacity)")
        unsafe withUnsafeMutableBytes { target, count in
            unsafe bytes.withUnsafeBytes { source in
                guard let start = source.baseAddress else { return }
                unsafe target.baseAddress?.advanced(by: count).copyMemory(from: start, byteCount: source.count)
                count += source.count
            }
        }
    }

    /// Writes a length as LEB128: 7 bits a byte, least significant first, the top bit set on all but the last.
    @inline(__always)
    mutating func writeLength(_ length: Int) {
        var rest = UInt64(length)
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes a length and UTF-8.
    mutating func writeText(_ text: String) {
        writeLength(text.utf8.count)
        unsafe writeBytes(text.utf8.span.bytes)
    }

    /// Writes a byte 0, or a byte 1 and a text.
    mutating func writeOptionalText(_ text: String?) {
        writeInteger((text == nil ? 0 : 1) as UInt8)
        if let text { writeText(text) }
    }
}

// For the derived tables, whose values are few and long.
extension ByteBuffer {
    /// Writes the 11 bytes of a token.
    mutating func writeToken(_ token: Token) {
        writeWithOutputRawSpan(minimumWritableBytes: Token.byteCount) { $0.writeToken(token) }
    }

    /// Writes a length as LEB128.
    mutating func writeLength(_ length: Int) {
        writeWithOutputRawSpan(minimumWritableBytes: RecordSize.length(length)) { $0.writeLength(length) }
    }

    /// Writes a length and UTF-8.
    mutating func writeText(_ text: String) {
        writeLength(text.utf8.count)
        writeString(text)
    }
}
