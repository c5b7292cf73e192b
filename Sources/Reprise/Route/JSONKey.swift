/// A key to look for among the members of an object, prepared so that the usual short one is compared as one word.
struct JSONKey: Hashable, Sendable {
    /// The key's characters as UTF-8, unescaped.
    let bytes: [UInt8]
    /// The first eight bytes, as `RawSpan.jsonHead` loads them.
    private let head: UInt64
    private let isNone: Bool

    /// Prepares a key.
    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        head = bytes.prefix(8).reversed().reduce(0) { $0 << 8 | UInt64($1) }
        isNone = false
    }

    private init() {
        bytes = []
        head = 0
        isNone = true
    }

    /// A key that matches nothing, not even the empty key.
    static let none = JSONKey()

    /// Whether a scanned string, given without its quotes, is this key.
    @inline(__always)
    func matches(from start: Int, to end: Int, hasEscapes: Bool, in text: RawSpan) -> Bool {
        if hasEscapes { return !isNone && JSONParser.unescaped(from: start, to: end, in: text) == bytes }
        guard end &- start == bytes.count, text.jsonHead(from: start, to: end) == head, !isNone else { return false }
        return bytes.count <= 8 || JSONScanner.text(from: start, to: end, in: text, equals: bytes)
    }

    /// Whether a scanned string is `data`. Written out because every message asks, and a global would be checked for
    /// having been made each time.
    @inline(__always)
    static func isData(from start: Int, to end: Int, hasEscapes: Bool, in text: RawSpan) -> Bool {
        if hasEscapes { return JSONParser.unescaped(from: start, to: end, in: text) == Array("data".utf8) }
        return end &- start == 4 && text.jsonHead(from: start, to: end) == 0x6174_6164
    }
}

extension JSONScanner {
    /// Whether the bytes of a range are exactly `text`.
    @inline(__always)
    static func text(from start: Int, to end: Int, in bytes: RawSpan, equals text: [UInt8]) -> Bool {
        guard end &- start == text.count else { return false }
        for index in text.indices where text[index] != bytes.jsonByte(at: start &+ index) { return false }
        return true
    }
}
