// The reading half of our binary shapes; the writing half is `RecordFields+Write`.

internal import NIOCore

/// Walks over the fields of one record; each read names its field for the error.
struct RecordFields {
    private var buffer: ByteBuffer

    init(_ record: ByteBuffer, endIndex: Int) {
        buffer = record
        buffer.moveWriterIndex(to: endIndex)
    }

    var remaining: Int { buffer.readableBytes }

    mutating func integer<Value: FixedWidthInteger>(
        _ field: @autoclosure () -> String, as: Value.Type = Value.self
    ) throws(RecordDamage) -> Value {
        guard let value = buffer.readInteger(endianness: .little, as: Value.self) else { throw .truncated(field()) }
        return value
    }

    /// Moves past bytes that were looked at before.
    mutating func skip(_ count: Int) {
        buffer.moveReaderIndex(forwardBy: count)
    }

    mutating func byte(_ field: @autoclosure () -> String) throws(RecordDamage) -> UInt8 { try integer(field()) }

    mutating func token(_ field: @autoclosure () -> String) throws(RecordDamage) -> Token {
        guard let high = buffer.readInteger(endianness: .big, as: UInt64.self),
            let top = buffer.readInteger(as: UInt8.self),
            let bottom = buffer.readInteger(endianness: .big, as: UInt16.self)
        else { throw .truncated(field()) }
        return Token(high: high, low: UInt32(top) << 16 | UInt32(bottom))
    }

    mutating func length(_ field: @autoclosure () -> String) throws(RecordDamage) -> Int {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let byte: UInt8 = try integer(field())
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { break }
            shift += 7
            if shift > 28 { throw .invalid(field()) }
        }
        guard value <= UInt64(buffer.readableBytes) else { throw .truncated(field()) }
        return Int(value)
    }

    mutating func text(_ field: @autoclosure () -> String) throws(RecordDamage) -> String {
        let count = try length(field())
        guard let text = buffer.readString(length: count) else { throw .truncated(field()) }
        return text
    }

    mutating func optionalText(_ field: @autoclosure () -> String) throws(RecordDamage) -> String? {
        switch try byte(field()) {
        case 0: nil
        case 1: try text(field())
        default: throw .invalid(field())
        }
    }

    mutating func opcode() throws(RecordDamage) -> MessageOpcode {
        guard let opcode = MessageOpcode(rawValue: try byte("opcode")) else { throw .invalid("opcode") }
        return opcode
    }

    mutating func body() -> ByteBuffer {
        buffer.readSlice(length: buffer.readableBytes) ?? ByteBuffer()
    }
}
