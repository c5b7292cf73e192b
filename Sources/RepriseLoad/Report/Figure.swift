internal import Glibc

/// Numbers as people read them: three digits that matter, a unit that fits, thousands apart.
///
/// Everything here is a pure function without a locale, so that a page or a table is the same on every machine. Spaces in a figure are
/// no-break spaces; ``plain(_:)`` makes them ordinary ones for a terminal.
enum Figure {
    /// `1234567` as `1 234 567`.
    static func grouped(_ value: Int) -> String {
        var text = ""
        let digits = String(value.magnitude)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index).isMultiple(of: 3) { text.append("\u{A0}") }
            text.append(digit)
        }
        return value < 0 ? "-" + text : text
    }

    /// `6812345` as `6.81 M`; with `isTick`, zeros that say nothing are left out: `2 M`, not `2.00 M`.
    static func scaled(_ value: Double, isTick: Bool = false) -> String {
        scale(value, by: 1000, ["", "k", "M", "G", "T"], isTick)
    }

    /// Microseconds as `850 ns`, `12.3 µs`, `4.56 ms` or `1.20 s`.
    static func duration(microseconds: Double, isTick: Bool = false) -> String {
        let nanoseconds = rounded(microseconds * 1000)
        return scale(nanoseconds, by: 1000, ["ns", "µs", "ms", "s"], isTick)
    }

    /// Bytes as `512 B` or `47.3 MiB`.
    static func bytes(_ value: Int) -> String {
        scale(Double(value), by: 1024, ["B", "KiB", "MiB", "GiB", "TiB"], value < 1000)
    }

    /// A share of 1 as `67.8 %`.
    static func percent(_ share: Double) -> String { fixed(share * 100, decimals: 1) + "\u{A0}%" }

    /// `1.23 ×`.
    static func ratio(_ value: Double) -> String {
        fixed(value, decimals: value < 10 ? 2 : value < 100 ? 1 : 0) + "\u{A0}×"
    }

    /// The text with ordinary spaces.
    static func plain(_ text: String) -> String { text.replacing("\u{A0}", with: " ") }

    /// A number with so many decimals, which are not cut; `-` for what is no number.
    static func fixed(_ value: Double, decimals: Int) -> String {
        let scale = pow(10, Double(decimals))
        guard value.isFinite, let whole = Int(exactly: (value.magnitude * scale).rounded()) else { return "-" }
        let sign = value < 0 && whole > 0 ? "-" : ""
        let unit = Int(scale)
        guard decimals > 0 else { return sign + String(whole) }
        let fraction = String(whole % unit)
        return sign + String(whole / unit) + "." + String(repeating: "0", count: decimals - fraction.count) + fraction
    }

    /// The nearest number of three digits.
    private static func rounded(_ value: Double) -> Double {
        guard value != 0, value.isFinite else { return 0 }
        let step = pow(10, floor(log10(value.magnitude)) - 2)
        // Dividing by the inverse keeps 0.1 what it is.
        return step < 1
            ? (value * (1 / step).rounded()).rounded() / (1 / step).rounded() : (value / step).rounded() * step
    }

    private static func scale(_ value: Double, by base: Double, _ units: [String], _ isTick: Bool) -> String {
        var rest = value
        var unit = 0
        // What would be written as 1000 takes the next unit.
        while unit + 1 < units.count, rest.magnitude >= 999.5 {
            rest /= base
            unit += 1
        }
        let number = rounded(rest)
        guard number != 0 else { return withUnit("0", units[0]) }
        let decimals = max(0, 2 - Int(floor(log10(number.magnitude))))
        var text = fixed(number, decimals: min(decimals, 6))
        if isTick || (unit == 0 && number == number.rounded()), text.contains(".") {
            while text.hasSuffix("0") { text.removeLast() }
            if text.hasSuffix(".") { text.removeLast() }
        }
        return withUnit(text, units[unit])
    }

    private static func withUnit(_ number: String, _ unit: String) -> String {
        unit.isEmpty ? number : number + "\u{A0}" + unit
    }
}
