// The slow path's reader: short, literal, and independent of `JSONScanner`. Text that is not canonical comes here.

/// Parses JSON text into a `JSONValue`, by the rules of `JSON.parse`.
struct JSONParser {
    private let text: [UInt8]
    private var offset = 0

    /// Parses a range of a body.
    ///
    /// - Returns: nil if the range does not hold exactly one JSON value (white space around it is allowed), or if the
    ///   value nests deeper than `CanonicalJSON.nestingLimit`.
    static func parse(_ bytes: RawSpan, from start: Int, to end: Int) -> JSONValue? {
        var parser = JSONParser(text: (start..<end).map { bytes.jsonByte(at: $0) })
        parser.skipSpace()
        guard let value = parser.parseValue(depth: 0) else { return nil }
        parser.skipSpace()
        return parser.offset == parser.text.count ? value : nil
    }

    /// The meaning of a string's text, given without its quotes.
    ///
    /// - Precondition: the text was recognised as a string's; traps otherwise.
    static func unescaped(from start: Int, to end: Int, in bytes: RawSpan) -> [UInt8] {
        guard case .string(let text)? = parse(bytes, from: start - 1, to: end + 1) else {
            preconditionFailure("bytes \(start)..<\(end) are not the text of a string")
        }
        return text
    }

    private var next: UInt8? { offset < text.count ? text[offset] : nil }

    private mutating func take(_ expected: Unicode.Scalar) -> Bool {
        guard let next, next == UInt8(ascii: expected) else { return false }
        offset += 1
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard text[offset...].starts(with: word.utf8) else { return false }
        offset += word.utf8.count
        return true
    }

    private mutating func skipSpace() {
        while let byte = next, JSONScanner.isSpace(byte) { offset += 1 }
    }

    private mutating func parseValue(depth: Int) -> JSONValue? {
        guard let byte = next else { return nil }
        switch byte {
        case UInt8(ascii: "\""): return parseString().map { .string($0) }
        case UInt8(ascii: "{"): return parseObject(depth: depth + 1)
        case UInt8(ascii: "["): return parseArray(depth: depth + 1)
        case UInt8(ascii: "t"): return take(word: "true") ? .boolean(true) : nil
        case UInt8(ascii: "f"): return take(word: "false") ? .boolean(false) : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return parseNumber()
        }
    }

    private mutating func parseArray(depth: Int) -> JSONValue? {
        guard depth <= CanonicalJSON.nestingLimit, take("[") else { return nil }
        var elements: [JSONValue] = []
        skipSpace()
        if take("]") { return .array([]) }
        while true {
            skipSpace()
            guard let element = parseValue(depth: depth) else { return nil }
            elements.append(element)
            skipSpace()
            if take("]") { return .array(elements) }
            guard take(",") else { return nil }
        }
    }

    private mutating func parseObject(depth: Int) -> JSONValue? {
        guard depth <= CanonicalJSON.nestingLimit, take("{") else { return nil }
        var members: [JSONValue.Member] = []
        skipSpace()
        if take("}") { return .object([]) }
        while true {
            skipSpace()
            guard let key = parseString() else { return nil }
            skipSpace()
            guard take(":") else { return nil }
            skipSpace()
            guard let value = parseValue(depth: depth) else { return nil }
            members.append(JSONValue.Member(key: key, value: value))
            skipSpace()
            if take("}") { return .object(JSONValue.ordered(members)) }
            guard take(",") else { return nil }
        }
    }

    private mutating func parseNumber() -> JSONValue? {
        let start = offset
        _ = take("-")
        if !take("0") { guard takeDigits() else { return nil } }
        if take(".") { guard takeDigits() else { return nil } }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard takeDigits() else { return nil }
        }
        // The standard library rounds to the nearest double, ties to even, for any number of digits; a value out of range
        // becomes an infinity or a zero, as in JavaScript.
        return Double(String(decoding: text[start..<offset], as: UTF8.self)).map { .number($0) }
    }

    private mutating func takeDigits() -> Bool {
        let start = offset
        while let byte = next, JSONScanner.isDigit(byte) { offset += 1 }
        return offset > start
    }

    private mutating func parseString() -> [UInt8]? {
        guard take("\"") else { return nil }
        var output: [UInt8] = []
        while let byte = next {
            offset += 1
            switch byte {
            case UInt8(ascii: "\""): return output
            case UInt8(ascii: "\\"): guard parseEscape(to: &output) else { return nil }
            case 0..<0x20: return nil
            default: output.append(byte)
            }
        }
        return nil
    }

    private mutating func parseEscape(to output: inout [UInt8]) -> Bool {
        guard let letter = next else { return false }
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(letter)
        case UInt8(ascii: "b"): output.append(0x08)
        case UInt8(ascii: "f"): output.append(0x0C)
        case UInt8(ascii: "n"): output.append(0x0A)
        case UInt8(ascii: "r"): output.append(0x0D)
        case UInt8(ascii: "t"): output.append(0x09)
        case UInt8(ascii: "u"):
            guard let unit = parseUnit() else { return false }
            var scalar = UInt32(unit)
            if (0xD800..<0xDC00).contains(unit) {
                // A low surrogate makes a pair; anything else leaves this one alone and is read again as itself.
                let resume = offset
                if take(word: "\\u"), let low = parseUnit(), (0xDC00..<0xE000).contains(low) {
                    scalar = 0x10000 + (UInt32(unit) - 0xD800) << 10 + (UInt32(low) - 0xDC00)
                } else {
                    offset = resume
                }
            }
            JSONParser.append(scalar, to: &output)
        default: return false
        }
        return true
    }

    private mutating func parseUnit() -> UInt16? {
        guard offset + 4 <= text.count else { return nil }
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let digit = Character(UnicodeScalar(text[offset])).hexDigitValue else { return nil }
            unit = unit << 4 | UInt16(digit)
            offset += 1
        }
        return unit
    }

    /// Appends a code point as UTF-8, a surrogate included (`UnicodeScalar` has no room for one).
    private static func append(_ scalar: UInt32, to output: inout [UInt8]) {
        switch scalar {
        case 0..<0x80: output.append(UInt8(scalar))
        case 0x80..<0x800: output += [0xC0 | UInt8(scalar >> 6), trailing(scalar)]
        case 0x800..<0x10000: output += [0xE0 | UInt8(scalar >> 12), trailing(scalar >> 6), trailing(scalar)]
        default:
            output += [0xF0 | UInt8(scalar >> 18), trailing(scalar >> 12), trailing(scalar >> 6), trailing(scalar)]
        }
    }

    private static func trailing(_ scalar: UInt32) -> UInt8 { 0x80 | UInt8(scalar & 0x3F) }
}
