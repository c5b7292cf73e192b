// The members of one JSON object, taken out by name. Values are read only when they are asked for, straight from the
// line: positions are exact integers, which a reader that goes through doubles would not keep.

package import NIOCore

/// Walks over the members of one line; each read names its field for the error.
package struct JSONFields {
    private let line: ByteBuffer
    private var members: [(name: String, value: JSONSlice)] = []

    /// The most members of a line. No event has half as many, and so many can be compared with each other.
    static let membersMax = 32

    /// Scans a whole line.
    ///
    /// - Throws: `notText`, `notAnObject`, `duplicate`, `tooManyFields`.
    package init(_ line: ByteBuffer) throws(EventJSONError) {
        self.line = line
        let bytes = line.readableBytesSpan
        var validator = UTF8Validator()
        guard validator.consume(bytes), validator.isComplete else { throw .notText }
        var scanner = JSONScanner()
        scanner.skipSpace(in: bytes)
        guard scanner.take(UInt8(ascii: "{"), in: bytes) else { throw .notAnObject }
        scanner.skipSpace(in: bytes)
        if !scanner.take(UInt8(ascii: "}"), in: bytes) {
            repeat {
                scanner.skipSpace(in: bytes)
                guard scanner.peek(in: bytes) == UInt8(ascii: "\""),
                    let key = scanner.scanSlice(in: bytes, depth: 1),
                    let name = JSONFields.text(of: key, in: line)
                else { throw .notAnObject }
                scanner.skipSpace(in: bytes)
                guard scanner.take(UInt8(ascii: ":"), in: bytes) else { throw .notAnObject }
                scanner.skipSpace(in: bytes)
                guard let value = scanner.scanSlice(in: bytes, depth: 1) else { throw .notAnObject }
                if members.contains(where: { $0.name == name }) { throw .duplicate(name) }
                if members.count == JSONFields.membersMax { throw .tooManyFields }
                members.append((name, value))
                scanner.skipSpace(in: bytes)
            } while scanner.take(UInt8(ascii: ","), in: bytes)
            guard scanner.take(UInt8(ascii: "}"), in: bytes) else { throw .notAnObject }
        }
        scanner.skipSpace(in: bytes)
        guard scanner.offset == bytes.byteCount else { throw .notAnObject }
    }

    /// The name of a member that nobody has taken.
    package var leftOver: String? { members.first?.name }

    /// Whether there is a member that nobody has taken.
    package func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    mutating func text(_ name: String) throws(EventJSONError) -> String {
        guard let text = JSONFields.text(of: try take(name), in: line) else { throw .invalid(name, "a string") }
        return text
    }

    /// Takes a value as it is written.
    package mutating func verbatim(_ name: String) throws(EventJSONError) -> String {
        let value = try take(name)
        return line.getString(at: line.readerIndex + value.start, length: value.end - value.start) ?? ""
    }

    mutating func optionalText(_ name: String) throws(EventJSONError) -> String? {
        has(name) ? try text(name) : nil
    }

    /// A string as bytes. Without escapes they share the line's storage.
    mutating func utf8(_ name: String) throws(EventJSONError) -> ByteBuffer {
        let value = try take(name)
        guard isString(value) else { throw .invalid(name, "a string") }
        if !value.hasEscapes {
            return line.getSlice(at: line.readerIndex + value.start + 1, length: value.end - value.start - 2)
                ?? ByteBuffer()
        }
        let bytes = JSONParser.unescaped(from: value.start + 1, to: value.end - 1, in: line.readableBytesSpan)
        var validator = UTF8Validator()
        guard unsafe validator.consume(bytes.span.bytes), validator.isComplete else {
            throw .invalid(name, "a string without lone surrogates")
        }
        return ByteBuffer(bytes: bytes)
    }

    mutating func integer<Value: FixedWidthInteger>(
        _ name: String, as: Value.Type = Value.self
    ) throws(EventJSONError) -> Value {
        let text = try verbatim(name)
        guard let number = Value(text) else {
            throw .invalid(name, "an integer from \(Value.min) to \(Value.max)")
        }
        return number
    }

    /// A position that may be missing. 0 is not another way to leave it out: it would not be written again.
    mutating func optionalPosition(_ name: String) throws(EventJSONError) -> Position? {
        guard has(name) else { return nil }
        let ordinal: UInt64 = try integer(name)
        guard ordinal > 0 else { throw .invalid(name, "a position, from 1 on") }
        return Position(ordinal)
    }

    mutating func identifier<Value: TokenIdentifier>(_ name: String) throws(EventJSONError) -> Value {
        guard let value = Value(text: try text(name)) else { throw .invalid(name, "an identifier of 16 characters") }
        return value
    }

    mutating func word<Value>(
        _ name: String, _ expected: String, _ make: (String) -> Value?
    ) throws(EventJSONError) -> Value {
        guard let value = make(try text(name)) else { throw .invalid(name, expected) }
        return value
    }

    /// A list; `nil` from `make` refuses an element.
    mutating func list<Element>(
        _ name: String, _ expected: String, _ make: (JSONValue) -> Element?
    ) throws(EventJSONError) -> [Element] {
        let value = try take(name)
        guard case .array(let elements)? = JSONParser.parse(line.readableBytesSpan, from: value.start, to: value.end)
        else { throw .invalid(name, expected) }
        var list: [Element] = []
        for element in elements {
            guard let made = make(element) else { throw .invalid(name, expected) }
            list.append(made)
        }
        return list
    }

    private mutating func take(_ name: String) throws(EventJSONError) -> JSONSlice {
        guard let index = members.firstIndex(where: { $0.name == name }) else { throw .missing(name) }
        return members.remove(at: index).value
    }

    private func isString(_ value: JSONSlice) -> Bool {
        line.getInteger(at: line.readerIndex + value.start, as: UInt8.self) == UInt8(ascii: "\"")
    }

    private static func text(of value: JSONSlice, in line: ByteBuffer) -> String? {
        let bytes = line.readableBytesSpan
        guard bytes.jsonByte(at: value.start) == UInt8(ascii: "\"") else { return nil }
        if !value.hasEscapes {
            return line.getString(at: line.readerIndex + value.start + 1, length: value.end - value.start - 2)
        }
        let text = JSONParser.unescaped(from: value.start + 1, to: value.end - 1, in: bytes)
        return String(validating: text, as: UTF8.self)
    }
}

extension JSONValue {
    /// The text of a string without lone surrogates.
    var validText: String? {
        guard case .string(let bytes) = self else { return nil }
        return String(validating: bytes, as: UTF8.self)
    }
}
