/// What routing needs of one message body, found in one pass: whether it is a JSON object, and two of its members.
///
/// Of equal keys the last one counts, as in `JSON.parse`; so the pass always runs to the end, which it must anyway to know
/// that the body is JSON.
struct JSONBody {
    /// The member that the table selects by, if there is one.
    var selected: JSONSlice?
    /// The member `data`, if there is one.
    var data: JSONSlice?

    /// Scans a whole body.
    ///
    /// - Parameter key: the top-level key to report as `selected`, unescaped UTF-8. `JSONKey.none` selects nothing.
    /// - Returns: nil if the body is not one JSON object: not JSON by the rules of `JSON.parse`, another kind of value, or
    ///   nested deeper than `CanonicalJSON.nestingLimit`.
    /// - Complexity: O(bytes); no allocation unless a key is written with escapes.
    init?(_ bytes: RawSpan, selecting key: JSONKey) {
        var scanner = JSONScanner()
        scanner.skipSpace(in: bytes)
        guard scanner.peek(in: bytes) == UInt8(ascii: "{") else { return nil }
        guard scanner.scanMembers(in: bytes, key: key, found: &selected, data: &data) else { return nil }
        if scanner.offset < bytes.byteCount { scanner.skipSpace(in: bytes) }
        guard scanner.offset == bytes.byteCount else { return nil }
    }

    /// Whether the bytes are one JSON value of any kind.
    static func isValue(_ bytes: RawSpan) -> Bool {
        var scanner = JSONScanner()
        scanner.skipSpace(in: bytes)
        guard scanner.scanSlice(in: bytes, depth: 0) != nil else { return false }
        scanner.skipSpace(in: bytes)
        return scanner.offset == bytes.byteCount
    }

    /// The member of a value that was scanned before, or nil if the value is no object or has no such member.
    static func member(_ key: JSONKey, of value: JSONSlice, in bytes: RawSpan) -> JSONSlice? {
        guard bytes.jsonByte(at: value.start) == UInt8(ascii: "{") else { return nil }
        var scanner = JSONScanner(offset: value.start)
        var found: JSONSlice?
        var ignored: JSONSlice?
        let isObject = scanner.scanMembers(in: bytes, key: key, found: &found, data: &ignored)
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

    /// Scans an object and reports the last member with a given key, and the last one called `data`.
    ///
    /// - Precondition: the next byte is an opening brace.
    /// - Returns: false if the text is not JSON.
    @inline(__always)
    mutating func scanMembers(
        in bytes: RawSpan, key: JSONKey, found: inout JSONSlice?, data: inout JSONSlice?
    ) -> Bool {
        offset &+= 1
        skipSpace(in: bytes)
        if take(UInt8(ascii: "}"), in: bytes) { return true }
        while true {
            let keyStart = offset &+ 1
            hasEscapes = false
            guard peek(in: bytes) == UInt8(ascii: "\""), scanString(in: bytes) else { return false }
            let isKey = key.matches(from: keyStart, to: offset &- 1, hasEscapes: hasEscapes, in: bytes)
            let isData = JSONKey.isData(from: keyStart, to: offset &- 1, hasEscapes: hasEscapes, in: bytes)
            skipSpace(in: bytes)
            guard take(UInt8(ascii: ":"), in: bytes) else { return false }
            skipSpace(in: bytes)
            // How the value is written matters for these two only. `.other` is as bad as it gets and stops the asking.
            form = isKey || isData ? .canonical : .other
            hasEscapes = false
            let start = offset
            guard scanValue(in: bytes, depth: 1) else { return false }
            if isKey { found = JSONSlice(start: start, end: offset, form: form, hasEscapes: hasEscapes) }
            if isData { data = JSONSlice(start: start, end: offset, form: form, hasEscapes: hasEscapes) }
            skipSpace(in: bytes)
            if take(UInt8(ascii: "}"), in: bytes) { return true }
            guard take(UInt8(ascii: ","), in: bytes) else { return false }
            skipSpace(in: bytes)
        }
    }
}
