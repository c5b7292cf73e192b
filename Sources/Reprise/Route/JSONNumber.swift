/// Doubles as JavaScript writes them.
enum JSONNumber {
    /// Appends Number::toString of `value`, or `null` for an infinity, as `JSON.stringify` does.
    ///
    /// The digits are the shortest that read back as the same double, and of those the nearest to it. Swift's `description`
    /// promises the same digits, in another layout; this function only lays them out anew.
    ///
    /// - SeeAlso: ECMA-262, Number::toString (radix 10).
    static func append(_ value: Double, to output: inout [UInt8]) {
        guard value.isFinite else {
            output += "null".utf8
            return
        }
        guard value != 0 else {
            output.append(UInt8(ascii: "0"))  // minus zero too
            return
        }
        if value < 0 { output.append(UInt8(ascii: "-")) }
        let (digits, point) = decimal(value.magnitude)
        let count = digits.count
        switch point {
        case count...21:
            output += digits
            output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: point - count))
        case 1...21:
            output += digits[..<point]
            output.append(UInt8(ascii: "."))
            output += digits[point...]
        case -5...0:
            output += "0.".utf8
            output.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: -point))
            output += digits
        default:
            output.append(digits[0])
            if count > 1 {
                output.append(UInt8(ascii: "."))
                output += digits[1...]
            }
            output.append(UInt8(ascii: "e"))
            output.append(point > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
            output += String((point - 1).magnitude).utf8
        }
    }

    /// A positive double as 0.d₁d₂…dₙ × 10^point, with d₁ and dₙ not zero.
    private static func decimal(_ value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        for (index, byte) in value.description.utf8.enumerated() {
            if byte == UInt8(ascii: ".") {
                point = digits.count
            } else if byte == UInt8(ascii: "e") {
                exponent = Int(value.description.dropFirst(index + 1)) ?? 0
                break
            } else {
                digits.append(byte)
            }
        }
        let leadingZeros = digits.prefix { $0 == UInt8(ascii: "0") }.count
        let place = (point ?? digits.count) - leadingZeros + exponent
        digits.removeFirst(leadingZeros)
        while digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, place)
    }
}
