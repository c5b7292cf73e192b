/// Another number of the same length, as it stands and as JavaScript writes it.
///
/// A number that JavaScript writes as it stands becomes ones: 40.5 → 11.1. For the others, whose written form depends on
/// their digits, the first of these fits that keeps both lengths: ones; ones and the exponent's digits as nines; ones
/// where the digits are not 0; other digits, tried in a fixed order.
enum RedactedNumber {
    private static let tries = 512

    /// The placeholder for the text of a JSON number.
    static func text(_ text: [UInt8]) -> [UInt8] {
        let length = writtenLength(text)
        let mantissaCount = text.firstIndex { $0 | 0x20 == UInt8(ascii: "e") } ?? text.count
        func digits(_ mantissa: (UInt8) -> UInt8, _ exponent: (UInt8) -> UInt8) -> [UInt8] {
            text.indices.map { index in
                let byte = text[index]
                guard JSONScanner.isDigit(byte) else { return byte }
                return index < mantissaCount ? mantissa(byte) : exponent(byte)
            }
        }
        let (zero, one, nine) = (UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "9"))
        let onesForDigits: (UInt8) -> UInt8 = { $0 == zero ? zero : one }
        for candidate in [
            digits({ _ in one }, { _ in nine }), digits(onesForDigits, { _ in nine }),
            digits({ _ in one }, onesForDigits), digits(onesForDigits, onesForDigits),
            digits({ _ in one }, { $0 }), digits(onesForDigits, { $0 }),
        ] where writtenLength(candidate) == length { return candidate }
        // Digits that have nothing to do with the original's.
        var state: UInt64 = 1
        for _ in 0..<tries {
            let candidate = digits(
                { digit in
                    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return digit == zero ? zero : one + UInt8(truncatingIfNeeded: (state >> 33) % 9)
                }, { $0 })
            if writtenLength(candidate) == length { return candidate }
        }
        return digits({ _ in one }, onesForDigits)
    }

    /// Bytes of the number as JavaScript writes it.
    private static func writtenLength(_ text: [UInt8]) -> Int {
        var output: [UInt8] = []
        JSONNumber.append(Double(String(decoding: text, as: UTF8.self)) ?? 0, to: &output)
        return output.count
    }
}
