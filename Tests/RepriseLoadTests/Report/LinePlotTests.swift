import Testing

@testable import RepriseLoad

@Suite("Line and bar plots")
struct LinePlotTests {
    private func plot(_ points: [LinePlot.Point]) -> String {
        LinePlot(
            name: "n", xName: "x", yName: "y", x: .linear(upTo: 10) { "\(Int($0))" },
            y: .linear(upTo: 10) { "\(Int($0))" },
            series: [LinePlot.Series(name: "a < b", style: PlotStyle(index: 0), points: points)]
        ).markup.source
    }

    @Test("A line through valid points is solid, with a marker on each")
    func solid() {
        let source = plot([.init(x: 0, y: 0), .init(x: 5, y: 5), .init(x: 10, y: 10)])
        #expect(source.count(of: "class=\"line\"") == 1)
        #expect(source.count(of: "class=\"mark\"") == 3)
        #expect(!source.contains("dashed") && !source.contains("hollow"))
        #expect(source.contains("<title>a &lt; b</title>"))
    }

    @Test("A point that is not valid is hollow, and the line is dashed on both its sides, without a break")
    func doubtful() {
        let source = plot([
            .init(x: 0, y: 0), .init(x: 2, y: 2), .init(x: 4, y: 4, isDoubtful: true), .init(x: 6, y: 6),
        ])
        #expect(source.count(of: "class=\"line\"") == 1)
        #expect(source.count(of: "class=\"line dashed\"") == 1)
        #expect(source.count(of: "class=\"mark hollow\"") == 1)
        #expect(source.firstMatch(of: /class="line dashed" d="M[\d.]+ [\d.]+L[\d.]+ [\d.]+L[\d.]+ [\d.]+"/) != nil)
    }

    @Test("One point has a marker and no line")
    func single() {
        let source = plot([.init(x: 1, y: 1)])
        #expect(!source.contains("class=\"line"))
        #expect(source.count(of: "class=\"mark\"") == 1)
    }

    @Test("Where markers would hide the line, only its end has one")
    func manyPoints() {
        let source = plot((0..<1000).map { .init(x: Double($0) / 100, y: 1) })
        #expect(source.count(of: "class=\"mark\"") == 1)
    }

    @Test("Neighbours differ in colour and marker, and a colour that comes again has another marker")
    func styles() {
        func shape(_ index: Int) -> String {
            PlotStyle(index: index).marker(x: 0, y: 0, isDoubtful: false).source
        }
        for index in 0..<16 {
            #expect(shape(index) != shape(index + 1))
            #expect(PlotStyle(index: index).colorClass != PlotStyle(index: index + 1).colorClass)
            #expect(shape(index) != shape(index + PlotStyle.colorCount))
        }
    }

    @Test("Bars are as long as their values, and the label of the longest still fits")
    func bars() throws {
        let bars = [2.0, 1, 0].map {
            BarPlot.Bar(name: "<\($0)>", style: PlotStyle(index: 0), value: $0, label: "0123456789")
        }
        let source = BarPlot(name: "n", bars: bars).markup.source
        let widths = source.matches(of: /class="bar" x="0.5" y="\d+" width="([\d.]+)"/).compactMap { Double($0.1) }
        #expect(widths.count == 3)
        #expect(abs(widths[0] - 2 * widths[1]) < 0.2)
        #expect(widths[2] > 0 && widths[2] < 2)
        #expect(widths[0] + 8 + 10 * 7.2 <= 480)
        #expect(source.contains("&lt;2.0&gt;"))
    }
}
