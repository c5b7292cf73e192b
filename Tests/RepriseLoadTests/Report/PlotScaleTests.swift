import Testing

@testable import RepriseLoad

@Suite("Plot scales")
struct PlotScaleTests {
    private func labels(_ scale: PlotScale) -> [String] { scale.ticks.map { Figure.plain($0.label) } }

    @Test("A linear scale begins at 0 and ends at a round value that is not below the largest")
    func linear() {
        let scale = PlotScale.linear(upTo: 1_130_000) { Figure.scaled($0, isTick: true) }
        #expect(labels(scale) == ["0", "500 k", "1 M", "1.5 M"])
        #expect(scale.fraction(of: 0) == 0)
        #expect(abs(scale.fraction(of: 750_000) - 0.5) < 1e-9)
        #expect(scale.ticks.last?.fraction == 1)
    }

    @Test("A value that is round already is the end", arguments: [1.0, 2, 5, 10, 400, 1_000_000])
    func roundEnd(upper: Double) {
        let scale = PlotScale.linear(upTo: upper) { "\($0)" }
        #expect(abs(scale.fraction(of: upper) - 1) < 1e-9)
        #expect((3...6).contains(scale.ticks.count))
    }

    @Test("A linear scale that is not rounded up ends at the value, with ticks before it")
    func exactEnd() {
        let scale = PlotScale.linear(upTo: 6.07, isRoundedUp: false, ticksMax: 8) { Figure.scaled($0, isTick: true) }
        #expect(labels(scale) == ["0", "1", "2", "3", "4", "5", "6"])
        #expect(scale.fraction(of: 6.07) == 1)
    }

    @Test("A scale of nothing but zeros has an axis all the same", arguments: [0.0, -1, .nan, .infinity])
    func zeros(upper: Double) {
        let scale = PlotScale.linear(upTo: upper) { "\($0)" }
        #expect(scale.fraction(of: 0) == 0)
        #expect(scale.ticks.last?.fraction == 1)
        let logarithmic = PlotScale.logarithmic(from: upper, to: upper) { "\($0)" }
        #expect(logarithmic.ticks.count > 1)
        #expect(logarithmic.fraction(of: 0) == 0)
    }

    @Test("A logarithmic scale encloses its values; beyond two decades only powers of ten have names")
    func logarithmic() {
        let narrow = PlotScale.logarithmic(from: 12, to: 90) { Figure.duration(microseconds: $0, isTick: true) }
        #expect(labels(narrow) == ["10 µs", "20 µs", "50 µs", "100 µs"])
        let wide = PlotScale.logarithmic(from: 700, to: 101_000) { Figure.duration(microseconds: $0, isTick: true) }
        #expect(labels(wide).filter { !$0.isEmpty } == ["1 ms", "10 ms", "100 ms"])
        #expect(wide.fraction(of: 700) > 0)
        #expect(wide.fraction(of: 101_000) < 1)
        #expect(wide.ticks.map(\.fraction) == wide.ticks.map(\.fraction).sorted())
    }

    @Test("A single value has room on both sides and its name")
    func singleValue() {
        let scale = PlotScale.logarithmic(at: [1000], gap: 0.1) { Figure.grouped(Int($0)) }
        #expect(labels(scale) == ["1 000"])
        #expect(abs(scale.fraction(of: 1000) - 0.5) < 1e-9)
    }

    @Test("Values without room for a name keep their line")
    func crowded() {
        let scale = PlotScale.logarithmic(at: [10, 11, 1000], gap: 0.1) { Figure.grouped(Int($0)) }
        #expect(labels(scale) == ["10", "", "1 000"])
    }

    @Test("Every nine is as long as the others, and 100 % is the end")
    func nines() {
        let scale = PlotScale.nines(samples: 12_000)
        #expect(labels(scale) == ["0", "90", "99", "99.9", "99.99", "max"])
        let places = [0, 90, 99, 99.9, 99.99, 100].map(scale.fraction)
        for (place, wanted) in zip(places, [0, 0.2, 0.4, 0.6, 0.8, 1]) { #expect(abs(place - wanted) < 1e-6) }
    }

    @Test(
        "No more nines are shown than there are samples for",
        arguments: [(0, 1), (99, 1), (100, 2), (999, 2), (1000, 3), (100_000, 5), (UInt64.max, 5)])
    func supported(samples: UInt64, nines: Int) {
        #expect(PlotScale.ninesSupported(by: samples) == nines)
    }
}
