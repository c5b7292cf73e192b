import Testing

@testable import RepriseLoad

@Suite("Comparison of runs")
struct FanoutComparisonTests {
    @Test("Ratios are to the median of the floor's runs of the same workload, wherever it stands")
    func ratios() {
        let comparison = FanoutComparison([
            .example(label: "ours", deliveriesPerSecond: 300), .example(label: "floor", deliveriesPerSecond: 100),
            .example(label: "floor", deliveriesPerSecond: 200), .example(label: "floor", deliveriesPerSecond: 900),
            .example(label: "ours", clients: 10, deliveriesPerSecond: 300),
        ])
        #expect(comparison.base == "floor")
        #expect(comparison.ratio(of: 0) == 1.5)
        #expect(comparison.ratio(of: 3) == 4.5)
        #expect(comparison.ratio(of: 4) == nil)
    }

    @Test("Without a floor, ratios are to the first series; a single series has none")
    func base() {
        #expect(FanoutComparison([.example(label: "b"), .example(label: "a")]).base == "b")
        #expect(
            FanoutComparison([.example(label: "b"), .example(label: "Floor, per message")]).base == "Floor, per message"
        )
        #expect(FanoutComparison([.example(label: "b"), .example(label: "b")]).base == nil)
        #expect(FanoutComparison([]).base == nil)
    }

    @Test("Runs that are not valid do not move a median while there are valid ones")
    func medians() {
        let comparison = FanoutComparison([
            .example(deliveriesPerSecond: 100), .example(deliveriesPerSecond: 200),
            FanoutReport.example(deliveriesPerSecond: 900).broken("x"),
        ])
        #expect(comparison.medianRate(of: [0, 1, 2]) == 150)
        #expect(comparison.medianRate(of: [2]) == 900)
        #expect(comparison.medianRate(of: []) == 0)
        #expect(comparison.warning(about: [0, 1, 2]) == "1 of 3 invalid")
        #expect(comparison.warning(about: [2]) == "invalid")
        #expect(comparison.warning(about: [0]) == "")
        #expect(comparison.isDoubtful([2]) && !comparison.isDoubtful([1, 2]))
    }

    @Test("A run is called by what tells it from the others")
    func names() {
        let sizes = FanoutComparison([.example(clients: 10), .example(clients: 1000)])
        #expect(Figure.plain(sizes.name(of: 1, among: [0, 1])) == "1 000 clients")
        let repeats = FanoutComparison([.example(), .example()])
        #expect(repeats.name(of: 1, among: [0, 1]) == "run 2")
        let series = FanoutComparison([.example(label: "a"), .example(label: "b"), .example(label: "b")])
        #expect(series.name(of: 0, among: [0, 1, 2]) == "a")
        #expect(series.name(of: 2, among: [0, 1, 2]) == "b, #2")
        let alone = FanoutComparison([.example(mode: "rate 2000.0/s")])
        #expect(Figure.plain(alone.name(of: 0, among: [0])) == "1 000 clients, rate 2 000/s, 64 B")
    }
}
