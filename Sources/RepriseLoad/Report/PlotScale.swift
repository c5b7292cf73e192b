internal import Glibc

/// An axis: which fraction of its length a value is at, and what is written beside it.
struct PlotScale: Sendable, Equatable {
    /// A line across the plot and its name.
    struct Tick: Sendable, Equatable {
        /// 0 (start of the axis) … 1.
        var fraction: Double
        /// What is written; empty for a line without a name.
        var label: String
    }

    /// How values become lengths.
    private enum Form { case linear, logarithmic, nines }

    private let form: Form
    /// The ends of the axis, as lengths.
    private let start: Double
    private let end: Double
    private(set) var ticks: [Tick] = []

    private init(_ form: Form, from start: Double, to end: Double) {
        self.form = form
        self.start = start
        self.end = end > start ? end : start + 1
    }

    /// Where a value is: 0 (start) … 1; what is beyond an end is at that end.
    func fraction(of value: Double) -> Double {
        min(1, max(0, (length(of: value) - start) / (end - start)))
    }

    private func length(of value: Double) -> Double {
        switch form {
        case .linear: value
        case .logarithmic: log10(max(value, .leastNormalMagnitude))
        // 100 % is infinitely far away, and so at the end.
        case .nines: -log10(1 - min(100, max(0, value)) / 100)
        }
    }

    private mutating func mark(_ values: some Sequence<Double>, _ label: (Double) -> String) {
        ticks += values.map { Tick(fraction: fraction(of: $0), label: label($0)) }
    }
}

extension PlotScale {
    /// From 0 to `upper`, with round steps.
    ///
    /// - Parameters:
    ///   - upper: the largest value; 0 and less count as 1.
    ///   - isRoundedUp: whether the axis ends at a tick.
    ///   - ticksMax: steps at most.
    static func linear(
        upTo upper: Double, isRoundedUp: Bool = true, ticksMax: Int = 5, label: (Double) -> String
    ) -> PlotScale {
        let upper = upper > 0 && upper.isFinite ? upper : 1
        let step = roundStep(upper / Double(ticksMax))
        let count = (upper / step - 1e-9).rounded(isRoundedUp ? .up : .down)
        var scale = PlotScale(.linear, from: 0, to: isRoundedUp ? count * step : upper)
        scale.mark((0...Int(count)).map { Double($0) * step }, label)
        return scale
    }

    /// The smallest of 1, 2, 5, 10, … that is not below `least`.
    private static func roundStep(_ least: Double) -> Double {
        let decade = pow(10, floor(log10(least)))
        return [1, 2, 5].map { $0 * decade }.first { $0 >= least * (1 - 1e-9) } ?? 10 * decade
    }

    /// Every factor of ten takes the same length; ends at round values that enclose `lower` and `upper`.
    static func logarithmic(from lower: Double, to upper: Double, label: (Double) -> String) -> PlotScale {
        let lower = lower > 0 && lower.isFinite ? lower : 1
        let upper = max(lower, upper.isFinite ? upper : lower)
        // Beyond two decades only 1, 10, 100 … have names.
        let isWide = log10(upper / lower) > 1.7
        let values = (Int(floor(log10(lower))) - 1...Int(ceil(log10(upper))) + 1).flatMap { exponent in
            [1, 2, 5].map { $0 * pow(10, Double(exponent)) }
        }
        let first = values.last { $0 <= lower * (1 + 1e-9) } ?? lower
        let last = values.first { $0 >= upper * (1 - 1e-9) && $0 > first } ?? 10 * first
        var scale = PlotScale(.logarithmic, from: log10(first), to: log10(last))
        scale.mark(values.filter { $0 >= first && $0 <= last }) { value in
            let exponent = log10(value)
            return isWide && abs(exponent - exponent.rounded()) > 1e-9 ? "" : label(value)
        }
        return scale
    }

    /// Every factor of ten takes the same length; a tick at each of the values that has room for its name.
    ///
    /// - Parameter values: ascending, above 0.
    static func logarithmic(at values: [Double], gap: Double, label: (Double) -> String) -> PlotScale {
        let first = values.first ?? 1
        // Some room on both sides: the first and the last value are points, not borders.
        let margin = max(0.1, log10((values.last ?? first) / first) * 0.06)
        var scale = PlotScale(.logarithmic, from: log10(first) - margin, to: log10(values.last ?? first) + margin)
        var previous = -Double.infinity
        for value in values {
            let fraction = scale.fraction(of: value)
            let hasRoom = fraction - previous >= gap
            scale.ticks.append(Tick(fraction: fraction, label: hasRoom ? label(value) : ""))
            if hasRoom { previous = fraction }
        }
        return scale
    }

    /// Percentiles, each nine of the same length: 0, 90, 99, 99.9 … and, at the end, the maximum (100 %).
    ///
    /// - Parameter samples: how many values there were: 1 000 support three nines, and no more than five are shown.
    static func nines(samples: UInt64) -> PlotScale {
        let nines = ninesSupported(by: samples)
        var scale = PlotScale(.nines, from: 0, to: Double(nines + 1))
        scale.mark((0...nines).map { 100 - 100 / pow(10, Double($0)) }) { percent in
            Figure.fixed(percent, decimals: percent < 99.5 ? 0 : percent < 99.95 ? 1 : percent < 99.995 ? 2 : 3)
        }
        scale.ticks.append(Tick(fraction: 1, label: "max"))
        return scale
    }

    /// How many nines of a percentile are more than the maximum by another name, 1…5.
    static func ninesSupported(by samples: UInt64) -> Int {
        var nines = 1
        var needed: UInt64 = 100
        while nines < 5, samples >= needed {
            nines += 1
            needed *= 10
        }
        return nines
    }
}
