/// Lines over two axes, as an SVG that is as wide as its place. What is not valid is dashed and hollow.
struct LinePlot {
    /// One point of a line.
    struct Point: Equatable {
        var x: Double
        var y: Double
        /// Measured in a run that is not valid.
        var isDoubtful = false
        /// What a pointer that rests on it is told.
        var title = ""
        /// Whether it has a marker, if there is room for markers.
        var isMarked = true
    }

    /// One line.
    struct Series: Equatable {
        var name: String
        var style: PlotStyle
        /// In order of `x`.
        var points: [Point]
    }

    /// What it shows; for readers that cannot see it.
    var name: String
    var xName: String
    var yName: String
    var x: PlotScale
    var y: PlotScale
    var series: [Series]

    private static let width = 480.0
    private static let height = 300.0
    private static let top = 30.0
    private static let right = 18.0
    private static let bottom = 46.0
    /// Markers in one plot; where there would be more, only the end of each line has one.
    private static let markersMax = 72

    /// Room for the longest name of a tick of the vertical axis.
    private var left: Double { 16 + 7.6 * Double(y.ticks.map(\.label.count).max() ?? 0) }
    private var plotWidth: Double { Self.width - left - Self.right }
    private var plotHeight: Double { Self.height - Self.top - Self.bottom }

    private func across(_ fraction: Double) -> Double { left + fraction * plotWidth }
    private func down(_ fraction: Double) -> Double { Self.top + (1 - fraction) * plotHeight }

    /// The plot.
    var markup: Markup {
        """
        <svg class="plot" viewBox="0 0 \(Self.width) \(Self.height)" role="img" aria-label="\(name)">
        \(axes)
        \(series.map(line))
        </svg>
        """
    }

    private var axes: Markup {
        let rows = y.ticks.map { tick -> Markup in
            let at = down(tick.fraction)
            return """
                <path class="grid" d="M\(left) \(at)H\(Self.width - Self.right)"/>\
                <text class="tick" x="\(left - 8)" y="\(at + 4)" text-anchor="end">\(tick.label)</text>
                """
        }
        let columns = x.ticks.map { tick -> Markup in
            let at = across(tick.fraction)
            return """
                <path class="grid" d="M\(at) \(Self.top)V\(Self.height - Self.bottom)"/>\
                <text class="tick" x="\(at)" y="\(Self.height - Self.bottom + 18)" text-anchor="middle">\(tick.label)</text>
                """
        }
        return """
            \(rows)\(columns)
            <path class="axis" d="M\(left) \(Self.top)V\(Self.height - Self.bottom)H\(Self.width - Self.right)"/>
            <text class="axis-name" x="2" y="14">\(yName)</text>
            <text class="axis-name" x="\(Self.width - Self.right)" y="\(Self.height - 6)" text-anchor="end">\(xName)</text>
            """
    }

    private var hasRoomForMarkers: Bool {
        series.reduce(0) { $0 + $1.points.count { $0.isMarked } } <= Self.markersMax
    }

    private func line(_ series: Series) -> Markup {
        let places = series.points.map { (x: across(x.fraction(of: $0.x)), y: down(y.fraction(of: $0.y)), point: $0) }
        var solid: Markup = ""
        var dashed: Markup = ""
        // A path goes on while the points stay as good as they are: dashes would start anew at every break.
        var isInDashes: Bool?
        for (from, to) in zip(places, places.dropFirst()) {
            let isDoubtful = from.point.isDoubtful || to.point.isDoubtful
            let step: Markup =
                isDoubtful == isInDashes
                ? "L\(to.x) \(to.y)" : "M\(from.x) \(from.y)L\(to.x) \(to.y)"
            if isDoubtful { dashed += step } else { solid += step }
            isInDashes = isDoubtful
        }
        let paths = [("line", solid), ("line dashed", dashed)].filter { !$0.1.source.isEmpty }.map { style, path in
            "<path class=\"\(style)\" d=\"\(path)\"><title>\(series.name)</title></path>" as Markup
        }
        let marked = hasRoomForMarkers ? places.filter(\.point.isMarked) : Array(places.suffix(1))
        let markers = marked.map {
            series.style.marker(x: $0.x, y: $0.y, isDoubtful: $0.point.isDoubtful, title: $0.point.title)
        }
        return "<g class=\"\(series.style.colorClass)\">\(paths)\(markers)</g>\n"
    }
}
