/// The keys met so far in one object, kept just well enough to say "certainly distinct".
///
/// Sixteen 32-bit hashes in one vector: no storage to allocate, one comparison per key. Two keys with one hash are taken
/// for equal, which costs a slow path and never a wrong answer. The hash is fixed, not seeded: results never depend on
/// it, and a crafted collision gains nothing but that slow path.
struct JSONKeySet {
    /// How many keys one object may have on the fast path.
    static let capacity = 16

    private var hashes = SIMD16<UInt32>(repeating: 0)
    private var count: UInt32 = 0

    /// Notes the key whose text lies between two quotes.
    ///
    /// Keys are compared as text, escapes and all. That is exact for canonical text, where each key has one spelling.
    ///
    /// - Returns: false if the key may equal an earlier one, may be an array index (which `JSON.parse` moves to the
    ///   front), is empty, or is one too many.
    @inline(__always)
    mutating func insert(from start: Int, to end: Int, in bytes: RawSpan) -> Bool {
        guard count < UInt32(JSONKeySet.capacity), end > start else { return false }
        if JSONScanner.isDigit(bytes.jsonByte(at: start)), JSONKeySet.isAllDigits(from: start, to: end, in: bytes) {
            return false
        }
        let hash = JSONKeySet.hash(from: start, to: end, in: bytes)
        guard !any(hashes .== SIMD16(repeating: hash)) else { return false }
        hashes.replace(with: hash, where: JSONKeySet.lanes .== SIMD16(repeating: count))
        count &+= 1
        return true
    }

    private static let lanes = SIMD16<UInt32>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)

    @inline(never)
    private static func isAllDigits(from start: Int, to end: Int, in bytes: RawSpan) -> Bool {
        for offset in start..<end where !JSONScanner.isDigit(bytes.jsonByte(at: offset)) { return false }
        return true
    }

    /// A hash that is never 0, the mark of an unused lane.
    @inline(__always)
    private static func hash(from start: Int, to end: Int, in bytes: RawSpan) -> UInt32 {
        let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        var mixed = UInt64(truncatingIfNeeded: end &- start)
        var offset = start
        while offset < end {
            var word: UInt64 = 0
            if offset &+ 8 <= bytes.byteCount {
                word = bytes.jsonWord(at: offset)
                let left = end &- offset
                if left < 8 { word &= (1 &<< UInt64(truncatingIfNeeded: left &* 8)) &- 1 }
            } else {
                // The body ends here. The bytes must land where a whole word would have put them.
                for index in (offset..<end).reversed() { word = word &<< 8 | UInt64(bytes.jsonByte(at: index)) }
            }
            mixed = (mixed ^ word) &* multiplier
            mixed ^= mixed &>> 32
            offset &+= 8
        }
        return UInt32(truncatingIfNeeded: mixed &* multiplier &>> 32) | 1
    }
}
