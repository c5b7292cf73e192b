/// The plots. Several series are compared workload by workload; a single one shows its runs together.
extension FanoutPage {
    /// Runs that share their plots.
    private struct Section {
        var name: String
        var runs: [Int]
        var figures: [Markup]
    }

    /// Above this number of runs a single series is cut into a section for each pace and payload.
    private static let linesMax = 8

    var plots: Markup {
        let sections = comparison.labels.count > 1 ? comparedSections : singleSections
        return "\(sections.map(markup))"
    }

    private var comparedSections: [Section] {
        let scaling = scalingFigures(of: comparison.labels)
        let first = scaling.isEmpty ? [] : [Section(name: "Scaling", runs: [], figures: scaling)]
        return first
            + comparison.distinctWorkloads.map { workload in
                let runs = comparison.runs(of: workload)
                return Section(name: workload.name, runs: runs, figures: [bars(of: workload)])
            }
    }

    private var singleSections: [Section] {
        let all = Array(reports.indices)
        let families = FanoutComparison.distinct(comparison.workloads.map(\.unscaled))
        guard all.count > FanoutPage.linesMax, families.count > 1 else {
            let workloads = comparison.distinctWorkloads
            let name = workloads.count == 1 ? workloads[0].name : families.count == 1 ? families[0].name : "Plots"
            return [Section(name: name, runs: all, figures: scalingFigure(of: families).map { [$0] } ?? [])]
        }
        return families.map { family in
            let runs = all.filter { comparison.workloads[$0].unscaled == family }
            return Section(name: family.name, runs: runs, figures: scalingFigure(of: [family]).map { [$0] } ?? [])
        }
    }

    private func markup(_ section: Section) -> Markup {
        var figures = section.figures
        var legend: Markup = ""
        if !section.runs.isEmpty {
            let series = section.runs.enumerated().map { place, index in
                LinePlot.Series(
                    name: comparison.name(of: index, among: section.runs), style: style(of: index, place: place),
                    points: [])
            }
            legend = PlotLegend(entries: legendEntries(section.runs, series)).markup
            figures += [
                throughput(section.runs, series), latency(section.runs, series, toEach: false),
                latency(section.runs, series, toEach: true),
            ]
        }
        return """
            <section>
            <h2>\(section.name)</h2>
            \(legend)
            <div class="figures">
            \(figures)</div>
            </section>

            """
    }

    /// Series keep their colour on the whole page; the runs of a single series have one each.
    private func style(of index: Int, place: Int) -> PlotStyle {
        guard comparison.labels.count > 1 else { return PlotStyle(index: place) }
        return PlotStyle(index: comparison.labels.firstIndex(of: reports[index].label) ?? 0)
    }

    /// One entry for each series, or for each run of a single one.
    private func legendEntries(_ runs: [Int], _ lines: [LinePlot.Series]) -> [PlotLegend.Entry] {
        guard comparison.labels.count > 1 else {
            return zip(runs, lines).map { legendEntry($1.name, $1.style, [$0]) }
        }
        return comparison.labels.enumerated().compactMap { place, label in
            let these = runs.filter { reports[$0].label == label }
            return these.isEmpty
                ? nil : legendEntry(FanoutComparison.title(of: label), PlotStyle(index: place), these)
        }
    }

    /// An entry that stands for some runs.
    func legendEntry(_ name: String, _ style: PlotStyle, _ runs: [Int]) -> PlotLegend.Entry {
        PlotLegend.Entry(
            name: name, style: style, isDoubtful: comparison.isDoubtful(runs), warning: comparison.warning(about: runs))
    }

    private func throughput(_ runs: [Int], _ styles: [LinePlot.Series]) -> Markup {
        let series = zip(runs, styles).compactMap { index, style -> LinePlot.Series? in
            let report = reports[index]
            guard !report.throughput.isEmpty else { return nil }
            var series = style
            series.points = report.throughput.map {
                LinePlot.Point(
                    x: $0.atSeconds, y: $0.deliveriesPerSecond, isDoubtful: report.verdict == .invalid,
                    title:
                        "\(series.name): \(Figure.scaled($0.deliveriesPerSecond))/s at \(Figure.fixed($0.atSeconds, decimals: 1)) s"
                )
            }
            return series
        }
        guard !series.isEmpty else {
            return figure("Throughput over time", "", "<p class=\"empty\">No run lasted a whole second.</p>")
        }
        let points = series.flatMap(\.points)
        let plot = LinePlot(
            name: "Deliveries per second over time", xName: "seconds since the first message", yName: "deliveries/s",
            x: .linear(upTo: points.map(\.x).max() ?? 0, isRoundedUp: false, ticksMax: 8) {
                Figure.scaled($0, isTick: true)
            },
            y: .linear(upTo: points.map(\.y).max() ?? 0) { Figure.scaled($0, isTick: true) }, series: series)
        return figure("Throughput over time", "Warm-up and drain included.", plot.markup)
    }

    private func latency(_ runs: [Int], _ styles: [LinePlot.Series], toEach: Bool) -> Markup {
        let title = toEach ? "Latency to each client" : "Latency to the last client"
        let caption =
            toEach
            ? "From sending until one client had the message: sampled deliveries."
            : "From sending until every client had the message."
        let curves = zip(runs, styles).compactMap { index, style -> (LinePlot.Series, UInt64)? in
            let report = reports[index]
            let latency = toEach ? report.deliveryLatency : report.latency
            guard latency.count > 0 else { return nil }
            var series = style
            series.points = FanoutPage.points(of: latency, name: series.name, isDoubtful: report.verdict == .invalid)
            return (series, latency.count)
        }
        guard let samples = curves.map(\.1).max() else {
            return figure(title, "", "<p class=\"empty\">No latency was recorded.</p>")
        }
        let values = curves.flatMap { $0.0.points.map(\.y) }.filter { $0 > 0 }
        let plot = LinePlot(
            name: title, xName: "percentile of \(toEach ? "deliveries" : "messages")",
            yName: "latency",
            x: .nines(samples: samples),
            y: .logarithmic(from: values.min() ?? 1, to: values.max() ?? 1) {
                Figure.duration(microseconds: $0, isTick: true)
            },
            series: curves.map(\.0))
        return figure(title, caption, plot.markup)
    }

    /// The curve has many points below the 90th percentile; a marker on each would hide the line.
    private static let markedPercents: Set<Double> = [0, 50, 90, 99, 99.9, 99.99, 99.999, 100]

    /// The curve without percentiles that are only the maximum by another name.
    static func points(of latency: FanoutReport.Latency, name: String, isDoubtful: Bool) -> [LinePlot.Point] {
        let nines = PlotScale.ninesSupported(by: latency.count)
        let percentMax = 100 - 100 / (0..<nines).reduce(1.0) { power, _ in power * 10 }
        return latency.curve.filter { $0.percent >= 100 || $0.percent <= percentMax + 1e-9 }.map { point in
            let percent = point.percent >= 100 ? "max" : "p\(FanoutPage.percentile(point.percent))"
            return LinePlot.Point(
                x: point.percent, y: point.microseconds, isDoubtful: isDoubtful,
                title: "\(name): \(percent) \(Figure.duration(microseconds: point.microseconds))",
                isMarked: markedPercents.contains(point.percent))
        }
    }

    /// `99.9` as it is and `50` without a point.
    private static func percentile(_ percent: Double) -> String {
        var text = Figure.fixed(percent, decimals: 3)
        while text.hasSuffix("0") { text.removeLast() }
        return text.hasSuffix(".") ? String(text.dropLast()) : text
    }

    func figure(_ title: String, _ caption: String, _ content: Markup) -> Markup {
        let caption: Markup = caption.isEmpty ? "" : "<p class=\"caption\">\(caption)</p>"
        return "<figure>\n<figcaption><h3>\(title)</h3>\(caption)</figcaption>\n\(content)\n</figure>\n"
    }
}
