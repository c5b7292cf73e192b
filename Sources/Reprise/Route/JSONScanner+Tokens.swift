// Strings and numbers: where nearly all bytes of a message are.

extension JSONScanner {
    /// Scans a string, from its opening quote past its closing one.
    ///
    /// Text after the quote is looked at eight bytes at a time. A string's text is canonical when its only escapes are
    /// the seven that `JSON.stringify` writes with one letter or sign; bytes from 0x80 stand for themselves.
    ///
    /// - Precondition: the next byte is a quote.
    mutating func scanString(in bytes: RawSpan) -> Bool {
        let count = bytes.byteCount
        var index = offset &+ 1
        while true {
            while index &+ 8 <= count {
                let stops = JSONScanner.stops(in: bytes.jsonWord(at: index))
                if stops != 0 {
                    index &+= stops.trailingZeroBitCount &>> 3
                    break
                }
                index &+= 8  // not by way of `stops`: the next load need not wait for this word's arithmetic
            }
            guard index < count else { return false }
            let byte = bytes.jsonByte(at: index)
            index &+= 1
            if byte == UInt8(ascii: "\"") {
                offset = index
                return true
            }
            if byte < 0x20 { return false }
            if byte == UInt8(ascii: "\\") {
                guard scanEscape(in: bytes, at: &index) else { return false }
            }
        }
    }

    /// The high bit of each byte in `word` that is a quote, a backslash or below 0x20.
    ///
    /// Bits above the lowest one may be wrong (a borrow runs upwards); the lowest one, the only one used, is exact.
    @inline(__always)
    private static func stops(in word: UInt64) -> UInt64 {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quote = (word ^ (ones &* 0x22)) &- ones
        let backslash = (word ^ (ones &* 0x5C)) &- ones
        let control = word &- ones &* 0x20
        return (quote | backslash | control) & ~word & (ones &* 0x80)
    }

    /// Scans what follows a backslash; `index` is moved past it.
    @inline(never)
    private mutating func scanEscape(in bytes: RawSpan, at index: inout Int) -> Bool {
        hasEscapes = true
        guard index < bytes.byteCount else { return false }
        let letter = bytes.jsonByte(at: index)
        index &+= 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return true
        case UInt8(ascii: "/"):
            form = .other
            return true
        case UInt8(ascii: "u"):
            form = .other
            guard index &+ 4 <= bytes.byteCount else { return false }
            for digit in index..<index &+ 4 where !JSONScanner.isHexDigit(bytes.jsonByte(at: digit)) { return false }
            index &+= 4
            return true
        default:
            return false
        }
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    /// Whether `byte` is one of 0 to 9.
    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 0x30 < 10 }

    /// Scans a number (RFC 8259 §6).
    ///
    /// Up to 15 significant digits survive the way to a double and back, and no two such numbers share a double, so a
    /// number of at most 15 digits is its own shortest form if it has no needless zero, no exponent, and is not so small
    /// (below 10⁻⁶) that JavaScript writes an exponent. Minus zero is written as `0`.
    @inline(never)
    mutating func scanNumber(in bytes: RawSpan) -> Bool {
        let isNegative = take(UInt8(ascii: "-"), in: bytes)
        let wholeStart = offset
        let first = peek(in: bytes)
        let wholeCount = scanDigits(in: bytes)
        guard wholeCount == 1 || (wholeCount > 1 && first != UInt8(ascii: "0")) else { return false }
        let isSmall = first == UInt8(ascii: "0")
        var isCanonical = !(isSmall && isNegative)
        var digitCount = wholeCount
        if take(UInt8(ascii: "."), in: bytes) {
            let fractionStart = offset
            let fractionCount = scanDigits(in: bytes)
            guard fractionCount > 0 else { return false }
            digitCount &+= fractionCount
            isCanonical = bytes.jsonByte(at: offset &- 1) != UInt8(ascii: "0")
            if isSmall {
                var zeros = 0
                while zeros < fractionCount, bytes.jsonByte(at: fractionStart &+ zeros) == UInt8(ascii: "0") {
                    zeros &+= 1
                }
                isCanonical = isCanonical && zeros < 6
            }
        }
        if peek(in: bytes) | 0x20 == UInt8(ascii: "e") {
            isCanonical = false
            offset &+= 1
            if !take(UInt8(ascii: "+"), in: bytes) { _ = take(UInt8(ascii: "-"), in: bytes) }
            guard scanDigits(in: bytes) > 0 else { return false }
        }
        assert(wholeStart < offset, "a number of no bytes at offset \(wholeStart)")
        if !isCanonical || digitCount > 15 { form = .other }
        return true
    }

    /// Moves past digits; returns how many.
    @inline(__always)
    private mutating func scanDigits(in bytes: RawSpan) -> Int {
        let start = offset
        while JSONScanner.isDigit(peek(in: bytes)) { offset &+= 1 }
        return offset &- start
    }
}
