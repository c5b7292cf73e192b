/// A number's text as digits and the place of its point: 0.d₁d₂…dₙ × 10^point, where neither d₁ nor dₙ is zero.
///
/// Up to 15 digits survive the way to a double and back, and no two such numbers share a double (as long as that is neither
/// subnormal nor infinite): the digits are those that JavaScript writes, and no double is needed to know them.
struct JSONDecimal {
    private static let digitsMax = 15
    /// More bytes than any number has as JavaScript writes it.
    static let byteCountMax = 32
    /// Well within the range of normal doubles, 10^−307 to 10^308.
    private static let points = -300...300

    private var isNegative = false
    /// The digits as one number; 0 for zero.
    private var significand: UInt64 = 0
    private var digitCount = 0
    private var point = 0

    /// Reads a number of JSON.
    ///
    /// - Returns: `nil` where only a double knows the digits.
    init?(_ text: RawSpan, from start: Int, to end: Int) {
        var index = start
        isNegative = text.jsonByte(at: index) == UInt8(ascii: "-")
        if isNegative { index &+= 1 }
        // Zeros wait until a digit follows them, so that there are none at the end.
        var (zeros, isFraction, exponent) = (0, false, 0)
        loop: while index < end {
            let byte = text.jsonByte(at: index)
            index &+= 1
            switch byte {
            case UInt8(ascii: "."): isFraction = true
            case UInt8(ascii: "e"), UInt8(ascii: "E"):
                guard let written = JSONDecimal.exponent(text, from: index, to: end) else { return nil }
                exponent = written
                break loop
            case UInt8(ascii: "0"):
                if significand > 0 { zeros &+= 1 }
                if significand > 0, !isFraction { point &+= 1 } else if significand == 0, isFraction { point &-= 1 }
            default:
                digitCount &+= zeros &+ 1
                guard digitCount <= JSONDecimal.digitsMax else { return nil }
                for _ in 0...zeros { significand &*= 10 }
                significand &+= UInt64(byte & 15)
                zeros = 0
                if !isFraction { point &+= 1 }
            }
        }
        guard significand > 0 else { return }
        point &+= exponent
        guard JSONDecimal.points.contains(point) else { return nil }
    }

    private static func exponent(_ text: RawSpan, from start: Int, to end: Int) -> Int? {
        var (index, value) = (start, 0)
        let sign = text.jsonByte(at: index)
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { index &+= 1 }
        while index < end {
            value = value &* 10 &+ Int(text.jsonByte(at: index) & 15)
            guard value < 10_000 else { return nil }
            index &+= 1
        }
        return sign == UInt8(ascii: "-") ? -value : value
    }

    /// Writes the number as JavaScript does.
    ///
    /// - SeeAlso: ECMA-262, Number::toString (radix 10); minus zero is written as 0.
    func write(to output: inout OutputRawSpan) {
        guard significand > 0 else {
            output.append(UInt8(ascii: "0"))
            return
        }
        if isNegative { output.append(UInt8(ascii: "-")) }
        switch point {
        case digitCount...21:
            writeDigits(0..<digitCount, to: &output)
            writeZeros(point &- digitCount, to: &output)
        case 1...21:
            writeDigits(0..<point, to: &output)
            output.append(UInt8(ascii: "."))
            writeDigits(point..<digitCount, to: &output)
        case -5...0:
            output.append(UInt8(ascii: "0"))
            output.append(UInt8(ascii: "."))
            writeZeros(-point, to: &output)
            writeDigits(0..<digitCount, to: &output)
        default:
            writeDigits(0..<1, to: &output)
            if digitCount > 1 {
                output.append(UInt8(ascii: "."))
                writeDigits(1..<digitCount, to: &output)
            }
            output.append(UInt8(ascii: "e"))
            output.append(point > 0 ? UInt8(ascii: "+") : UInt8(ascii: "-"))
            let power = JSONDecimal(whole: UInt64((point &- 1).magnitude))
            power.writeDigits(0..<power.digitCount, to: &output)
        }
    }

    private init(whole: UInt64) {
        significand = whole
        digitCount = 1
        while JSONDecimal.powers[digitCount] <= whole { digitCount &+= 1 }
    }

    private func writeZeros(_ count: Int, to output: inout OutputRawSpan) {
        for _ in 0..<count { output.append(UInt8(ascii: "0")) }
    }

    private func writeDigits(_ range: Range<Int>, to output: inout OutputRawSpan) {
        for index in range {
            let digit = significand / JSONDecimal.powers[digitCount &- 1 &- index] % 10
            output.append(UInt8(ascii: "0") &+ UInt8(digit))
        }
    }

    /// Powers of ten.
    private static let powers: [UInt64] = (0...digitsMax).map { (0..<$0).reduce(1) { power, _ in power * 10 } }
}
