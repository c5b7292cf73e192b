import Testing

@testable import RepriseLoad

@Suite("Figures")
struct FigureTests {
    @Test(
        "Thousands stand apart",
        arguments: [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567"), (-12_345, "-12 345")])
    func thousands(value: Int, text: String) {
        #expect(Figure.plain(Figure.grouped(value)) == text)
    }

    @Test(
        "Three digits matter, and what would be a thousand takes the next unit",
        arguments: [
            (0, "0"), (7, "7"), (12.34, "12.3"), (999.4, "999"), (999.6, "1.00 k"), (46_312, "46.3 k"),
            (999_999, "1.00 M"), (6_812_345, "6.81 M"), (2.5e9, "2.50 G"), (-1500, "-1.50 k"),
        ])
    func scaled(value: Double, text: String) {
        #expect(Figure.plain(Figure.scaled(value)) == text)
    }

    @Test("A tick leaves out zeros that say nothing")
    func ticks() {
        #expect(Figure.plain(Figure.scaled(2_000_000, isTick: true)) == "2 M")
        #expect(Figure.plain(Figure.scaled(1_500_000, isTick: true)) == "1.5 M")
        #expect(Figure.plain(Figure.duration(microseconds: 200, isTick: true)) == "200 µs")
        #expect(Figure.plain(Figure.duration(microseconds: 0.1, isTick: true)) == "100 ns")
    }

    @Test(
        "Durations choose ns, µs, ms or s",
        arguments: [
            (0, "0 ns"), (0.85, "850 ns"), (12.34, "12.3 µs"), (999.7, "1.00 ms"), (45_600, "45.6 ms"),
            (1.2e6, "1.20 s"),
            (3.6e9, "3600 s"),
        ])
    func durations(microseconds: Double, text: String) {
        #expect(Figure.plain(Figure.duration(microseconds: microseconds)) == text)
    }

    @Test("Bytes, shares and ratios have their own forms")
    func others() {
        #expect(Figure.plain(Figure.bytes(64)) == "64 B")
        #expect(Figure.plain(Figure.bytes(16 << 10)) == "16.0 KiB")
        #expect(Figure.plain(Figure.bytes(49_597_645)) == "47.3 MiB")
        #expect(Figure.plain(Figure.percent(0.6784)) == "67.8 %")
        #expect(Figure.plain(Figure.ratio(0.854)) == "0.85 ×")
        #expect(Figure.plain(Figure.ratio(12.34)) == "12.3 ×")
        #expect(Figure.plain(Figure.ratio(123.4)) == "123 ×")
    }

    @Test("What is no number is a dash, and a negative that rounds to nothing has no sign")
    func odd() {
        #expect(Figure.fixed(.nan, decimals: 1) == "-")
        #expect(Figure.fixed(.infinity, decimals: 1) == "-")
        #expect(Figure.fixed(-0.01, decimals: 1) == "0.0")
        #expect(Figure.fixed(1.05, decimals: 2) == "1.05")
    }
}
