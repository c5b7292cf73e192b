// A strict JSON recogniser over borrowed bytes. It builds nothing: it says whether the text is what `JSON.parse`
// accepts, where values begin and end, and how far a value's text already is from `JSON.stringify`'s output. The slow
// path, which does build values, is `JSONParser`; the two are written apart on purpose and are tested against each other.

/// How far the text of a JSON value is from what `JSON.stringify` would write for it.
///
/// *Order*: a worse form has a greater raw value, so that the form of a container is the maximum over its parts.
enum JSONForm: UInt8, Comparable {
    /// The text is the output: copy it.
    case canonical
    /// The text is the output once white space between tokens is left out.
    case spaced
    /// Numbers, escapes or keys may have to be written differently: parse and write again.
    case other

    static func < (left: JSONForm, right: JSONForm) -> Bool { left.rawValue < right.rawValue }
}

/// A value inside a body: a byte range and what was learnt while scanning it.
public struct JSONSlice: Hashable, Sendable {
    /// Byte offset of the value's first byte in the body.
    var start: Int
    /// Byte offset after the value's last byte.
    var end: Int
    /// How the text differs from canonical text.
    var form: JSONForm
    /// Whether any string in the value contains a backslash.
    var hasEscapes: Bool
}

extension RawSpan {
    /// The byte at `offset`.
    ///
    /// - Precondition: `offset` is in 0..<`byteCount`; traps otherwise.
    @inline(__always)
    func jsonByte(at offset: Int) -> UInt8 {
        // Safe: the offset is checked, and every bit pattern is a byte. "unsafe" is about types that are neither.
        unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The eight bytes from `offset`, the first one in the lowest bits on every machine.
    ///
    /// - Precondition: `offset` is in 0...`byteCount` − 8; traps otherwise.
    @inline(__always)
    func jsonWord(at offset: Int) -> UInt64 {
        // Safe for the same reason; unaligned loads are allowed by the call.
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// At most the first eight bytes of a range, the first one in the lowest bits, zeros after the range's end.
    @inline(__always)
    func jsonHead(from start: Int, to end: Int) -> UInt64 {
        let count = end &- start
        guard start &+ 8 <= byteCount else { return jsonShortHead(from: start, to: end) }
        let word = jsonWord(at: start)
        return count >= 8 ? word : word & ((1 &<< UInt64(truncatingIfNeeded: count &* 8)) &- 1)
    }

    /// The same where a whole word would reach past the end of the body.
    @inline(never)
    private func jsonShortHead(from start: Int, to end: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in (start..<end).reversed() { word = word &<< 8 | UInt64(jsonByte(at: offset)) }
        return word
    }
}

/// Walks over JSON text, one value at a time.
///
/// The span is a parameter of each call: a struct cannot hold one without experimental lifetimes. A `scan…` function
/// returns false when the text is not JSON; the scanner is then of no further use.
struct JSONScanner {
    /// Byte offset of the next byte to look at.
    var offset = 0
    /// The worst form met since this was last set. Setting it to `.other` switches the checks of keys off.
    var form = JSONForm.other
    /// Whether a string with a backslash was met since this was last set to false.
    var hasEscapes = false

    /// The next byte, or 0 at the end. Zero is never part of JSON outside a string, and not allowed in one.
    @inline(__always)
    func peek(in bytes: RawSpan) -> UInt8 { offset < bytes.byteCount ? bytes.jsonByte(at: offset) : 0 }

    /// Moves to the next byte that is not space, tab, line feed or carriage return.
    @inline(__always)
    mutating func skipSpace(in bytes: RawSpan) {
        if peek(in: bytes) <= 0x20 { skipSpaceRun(in: bytes) }
    }

    @inline(never)
    private mutating func skipSpaceRun(in bytes: RawSpan) {
        let start = offset
        while offset < bytes.byteCount, JSONScanner.isSpace(bytes.jsonByte(at: offset)) { offset &+= 1 }
        if offset > start { form = max(form, .spaced) }
    }

    /// Whether `byte` is white space between tokens (RFC 8259 §2). A byte order mark is not.
    @inline(__always)
    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }

    /// Scans one value, from its first byte to its last.
    ///
    /// - Parameter depth: how many containers are open around the value.
    /// - Returns: false if the text is not JSON or nests deeper than `CanonicalJSON.nestingLimit`.
    @inline(__always)
    mutating func scanValue(in bytes: RawSpan, depth: Int) -> Bool {
        switch peek(in: bytes) {
        case UInt8(ascii: "\""): scanString(in: bytes)
        case UInt8(ascii: "{"): scanObject(in: bytes, depth: depth &+ 1)
        case UInt8(ascii: "["): scanArray(in: bytes, depth: depth &+ 1)
        case UInt8(ascii: "t"): scanLiteral("true", in: bytes)
        case UInt8(ascii: "f"): scanLiteral("false", in: bytes)
        case UInt8(ascii: "n"): scanLiteral("null", in: bytes)
        default: scanNumber(in: bytes)
        }
    }

    @inline(never)
    private mutating func scanLiteral(_ literal: StaticString, in bytes: RawSpan) -> Bool {
        let end = offset &+ literal.utf8CodeUnitCount
        guard end <= bytes.byteCount else { return false }
        let matches = literal.withUTF8Buffer { text in
            for index in text.indices where unsafe text[index] != bytes.jsonByte(at: offset &+ index) { return false }
            return true
        }
        offset = end
        return matches
    }

    @inline(never)
    private mutating func scanArray(in bytes: RawSpan, depth: Int) -> Bool {
        guard depth <= CanonicalJSON.nestingLimit else { return false }
        offset &+= 1
        skipSpace(in: bytes)
        if take(UInt8(ascii: "]"), in: bytes) { return true }
        while true {
            guard scanValue(in: bytes, depth: depth) else { return false }
            skipSpace(in: bytes)
            if take(UInt8(ascii: "]"), in: bytes) { return true }
            guard take(UInt8(ascii: ","), in: bytes) else { return false }
            skipSpace(in: bytes)
        }
    }

    @inline(never)
    private mutating func scanObject(in bytes: RawSpan, depth: Int) -> Bool {
        guard depth <= CanonicalJSON.nestingLimit else { return false }
        offset &+= 1
        skipSpace(in: bytes)
        if take(UInt8(ascii: "}"), in: bytes) { return true }
        var keys = JSONKeySet()
        while true {
            let keyStart = offset &+ 1
            guard peek(in: bytes) == UInt8(ascii: "\""), scanString(in: bytes) else { return false }
            // Equal keys and array indices would be moved by `JSON.parse`, so their order here proves nothing.
            if form != .other, !keys.insert(from: keyStart, to: offset &- 1, in: bytes) { form = .other }
            skipSpace(in: bytes)
            guard take(UInt8(ascii: ":"), in: bytes) else { return false }
            skipSpace(in: bytes)
            guard scanValue(in: bytes, depth: depth) else { return false }
            skipSpace(in: bytes)
            if take(UInt8(ascii: "}"), in: bytes) { return true }
            guard take(UInt8(ascii: ","), in: bytes) else { return false }
            skipSpace(in: bytes)
        }
    }

    /// Moves past `byte` if it is next.
    @inline(__always)
    mutating func take(_ byte: UInt8, in bytes: RawSpan) -> Bool {
        guard peek(in: bytes) == byte else { return false }
        offset &+= 1
        return true
    }
}
