/// The keys met so far in one object, kept just well enough to say "certainly distinct".
///
/// Sixteen hashes of sixteen bits in four words: no storage to allocate, and all are compared at once. Two keys with one
/// hash are taken for equal, which costs a slow path and never a wrong answer. The hash is fixed, not seeded: results never
/// depend on it, and a crafted collision gains nothing but that slow path. (With `SIMD16<UInt32>`
/// instead, deciding on a 95-byte body with a four-key object took 570 ns, not 146.)
struct JSONKeySet {
    /// How many keys one object may have on the fast path.
    static let capacity = 16

    // A shift register: the newest hash is in the low lane of `first`. 0 marks an unused lane.
    private var first: UInt64 = 0
    private var second: UInt64 = 0
    private var third: UInt64 = 0
    private var fourth: UInt64 = 0

    private static let everyLane: UInt64 = 0x0001_0001_0001_0001

    /// Notes the key whose text lies between two quotes.
    ///
    /// Keys are compared as text, escapes and all. That is exact for canonical text, where each key has one spelling.
    ///
    /// - Returns: false if the key may equal an earlier one, may be an array index (which `JSON.parse` moves to the
    ///   front), is empty, or is one too many.
    @inline(__always)
    mutating func insert(from start: Int, to end: Int, in bytes: RawSpan) -> Bool {
        guard end > start, fourth &>> 48 == 0 else { return false }
        if JSONScanner.isDigit(bytes.jsonByte(at: start)), JSONKeySet.isAllDigits(from: start, to: end, in: bytes) {
            return false
        }
        let hash = JSONKeySet.hash(from: start, to: end, in: bytes)
        let pattern = hash &* JSONKeySet.everyLane
        let matches =
            JSONKeySet.zeroLanes(first ^ pattern) | JSONKeySet.zeroLanes(second ^ pattern)
            | JSONKeySet.zeroLanes(third ^ pattern) | JSONKeySet.zeroLanes(fourth ^ pattern)
        guard matches == 0 else { return false }
        fourth = fourth &<< 16 | third &>> 48
        third = third &<< 16 | second &>> 48
        second = second &<< 16 | first &>> 48
        first = first &<< 16 | hash
        return true
    }

    /// Not 0 exactly if one of the four 16-bit lanes of `word` is 0.
    @inline(__always)
    private static func zeroLanes(_ word: UInt64) -> UInt64 {
        (word &- everyLane) & ~word & (everyLane &<< 15)
    }

    @inline(never)
    private static func isAllDigits(from start: Int, to end: Int, in bytes: RawSpan) -> Bool {
        for offset in start..<end where !JSONScanner.isDigit(bytes.jsonByte(at: offset)) { return false }
        return true
    }

    /// A 16-bit hash that is never 0.
    @inline(__always)
    private static func hash(from start: Int, to end: Int, in bytes: RawSpan) -> UInt64 {
        let multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        var mixed = UInt64(truncatingIfNeeded: end &- start)
        var offset = start
        while offset < end {
            mixed = (mixed ^ bytes.jsonHead(from: offset, to: end)) &* multiplier
            mixed ^= mixed &>> 32
            offset &+= 8
        }
        return (mixed &* multiplier) &>> 48 | 1
    }
}
