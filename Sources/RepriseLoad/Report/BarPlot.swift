/// Horizontal bars from 0, each with its name above it and its figure at its end, as an SVG that is as wide as its place.
/// What is not valid is hollow and dashed.
struct BarPlot {
    /// One bar.
    struct Bar: Equatable {
        var name: String
        var style: PlotStyle
        /// The bar's length; at least 0.
        var value: Double
        /// What is written at its end.
        var label: String
        /// Single measurements that the value stands for; dots if there is more than one.
        var samples: [Double] = []
        /// Measured only in runs that are not valid.
        var isDoubtful = false
        /// What is written after the name, as a warning; empty for nothing.
        var warning = ""
    }

    /// What it shows; for readers that cannot see it.
    var name: String
    var bars: [Bar]

    private static let width = 480.0
    private static let rowHeight = 46.0
    private static let barHeight = 18.0

    /// The plot.
    var markup: Markup {
        let longest = bars.flatMap { $0.samples + [$0.value] }.max() ?? 0
        let label = 12 + 7.8 * Double(bars.map(\.label.count).max() ?? 0)
        let scale = (Self.width - label) / max(longest, .leastNormalMagnitude)
        let rows = bars.enumerated().map { row($1, top: Double($0) * Self.rowHeight, scale: scale) }
        return """
            <svg class="plot bars" viewBox="0 0 \(Self.width) \(Double(bars.count) * Self.rowHeight + 6)" role="img" \
            aria-label="\(name)">
            \(rows)</svg>
            """
    }

    private func row(_ bar: Bar, top: Double, scale: Double) -> Markup {
        let barTop = top + 20
        let middle = barTop + Self.barHeight / 2
        let width = max(1.5, bar.value * scale)
        let dots =
            bar.samples.count > 1
            ? bar.samples.map { "<circle class=\"sample\" cx=\"\($0 * scale)\" cy=\"\(middle)\" r=\"3\"/>" as Markup }
            : []
        let end = max(width, (bar.samples.max() ?? 0) * scale + 3)
        return """
            <g class="\(bar.style.colorClass)">\
            <text class="bar-name" x="0" y="\(top + 14)">\(bar.name)\
            \(bar.warning.isEmpty ? "" : " <tspan class=\"invalid-text\">\(bar.warning)</tspan>" as Markup)</text>\
            <rect class="bar\(bar.isDoubtful ? " hollow dashed" : "")" x="0.5" y="\(barTop)" width="\(width)" \
            height="\(Self.barHeight)" rx="2"/>\(dots)\
            <text class="bar-label" x="\(end + 8)" y="\(middle + 4.5)">\(bar.label)</text></g>

            """
    }
}
