/// What routing needs of one message body, found in one pass: whether it is a JSON object, and two of its members.
///
/// Of equal keys the last one counts, as in `JSON.parse`; so the pass always runs to the end, which it must anyway to know
/// that the body is JSON.
struct JSONBody {
    /// The member that the table selects by, if there is one.
    var selected: JSONSlice?
    /// The member `data`, if there is one.
    var data: JSONSlice?

    private static let dataKey = Array("data".utf8)

    /// Scans a whole body.
    ///
    /// - Parameter key: the top-level key to report as `selected`, unescaped UTF-8. An empty key reports nothing useful.
    /// - Returns: nil if the body is not one JSON object: not JSON by the rules of `JSON.parse`, another kind of value, or
    ///   nested deeper than `CanonicalJSON.nestingLimit`.
    /// - Complexity: O(bytes); no allocation unless a key is written with escapes.
    init?(_ bytes: RawSpan, selecting key: [UInt8]) {
        var scanner = JSONScanner()
        scanner.skipSpace(in: bytes)
        guard scanner.peek(in: bytes) == UInt8(ascii: "{") else { return nil }
        guard
            scanner.scanMembers(
                in: bytes, first: key, second: JSONBody.dataKey, firstFound: &selected, secondFound: &data)
        else { return nil }
        scanner.skipSpace(in: bytes)
        guard scanner.offset == bytes.byteCount else { return nil }
    }

    /// The member of a value that was scanned before, or nil if the value is no object or has no such member.
    static func member(_ key: [UInt8], of value: JSONSlice, in bytes: RawSpan) -> JSONSlice? {
        guard bytes.jsonByte(at: value.start) == UInt8(ascii: "{") else { return nil }
        var scanner = JSONScanner(offset: value.start)
        var found: JSONSlice?
        var ignored: JSONSlice?
        let isObject = scanner.scanMembers(
            in: bytes, first: key, second: [], firstFound: &found, secondFound: &ignored)
        precondition(isObject, "offset \(scanner.offset) was JSON a moment ago")
        return found
    }

    /// The element of a value that was scanned before, or nil if the value is no array or is too short.
    static func element(_ index: Int, of value: JSONSlice, in bytes: RawSpan) -> JSONSlice? {
        guard bytes.jsonByte(at: value.start) == UInt8(ascii: "[") else { return nil }
        var scanner = JSONScanner(offset: value.start &+ 1)
        scanner.skipSpace(in: bytes)
        guard scanner.peek(in: bytes) != UInt8(ascii: "]") else { return nil }
        for position in 0... {
            guard let slice = scanner.scanSlice(in: bytes, depth: 1) else { return nil }
            if position == index { return slice }
            scanner.skipSpace(in: bytes)
            guard scanner.take(UInt8(ascii: ","), in: bytes) else { return nil }
            scanner.skipSpace(in: bytes)
        }
        return nil
    }
}

extension JSONScanner {
    /// Scans one value and reports where it is and how it is written.
    @inline(__always)
    mutating func scanSlice(in bytes: RawSpan, depth: Int) -> JSONSlice? {
        let start = offset
        form = .canonical
        hasEscapes = false
        guard scanValue(in: bytes, depth: depth) else { return nil }
        return JSONSlice(start: start, end: offset, form: form, hasEscapes: hasEscapes)
    }

    /// Scans an object and reports the last member with each of two keys.
    ///
    /// - Precondition: the next byte is an opening brace.
    /// - Returns: false if the text is not JSON.
    mutating func scanMembers(
        in bytes: RawSpan, first: [UInt8], second: [UInt8], firstFound: inout JSONSlice?, secondFound: inout JSONSlice?
    ) -> Bool {
        offset &+= 1
        skipSpace(in: bytes)
        if take(UInt8(ascii: "}"), in: bytes) { return true }
        while true {
            let keyStart = offset &+ 1
            hasEscapes = false
            guard peek(in: bytes) == UInt8(ascii: "\""), scanString(in: bytes) else { return false }
            let keyEnd = offset &- 1
            let isFirst: Bool
            let isSecond: Bool
            if hasEscapes {
                let key = JSONParser.unescaped(from: keyStart, to: keyEnd, in: bytes)
                isFirst = key == first
                isSecond = key == second
            } else {
                isFirst = JSONScanner.text(from: keyStart, to: keyEnd, in: bytes, equals: first)
                isSecond = JSONScanner.text(from: keyStart, to: keyEnd, in: bytes, equals: second)
            }
            skipSpace(in: bytes)
            guard take(UInt8(ascii: ":"), in: bytes) else { return false }
            skipSpace(in: bytes)
            if isFirst || isSecond {
                guard let slice = scanSlice(in: bytes, depth: 1) else { return false }
                if isFirst { firstFound = slice }
                if isSecond { secondFound = slice }
            } else {
                form = .other  // nobody asks how this one is written
                guard scanValue(in: bytes, depth: 1) else { return false }
            }
            skipSpace(in: bytes)
            if take(UInt8(ascii: "}"), in: bytes) { return true }
            guard take(UInt8(ascii: ","), in: bytes) else { return false }
            skipSpace(in: bytes)
        }
    }

    /// Whether the bytes of a range are exactly `text`.
    @inline(__always)
    static func text(from start: Int, to end: Int, in bytes: RawSpan, equals text: [UInt8]) -> Bool {
        guard end &- start == text.count else { return false }
        for index in text.indices where text[index] != bytes.jsonByte(at: start &+ index) { return false }
        return true
    }
}
