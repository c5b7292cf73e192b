/// The plots that set servers and sizes side by side: bars for one workload, lines over the number of clients.
extension FanoutPage {
    /// A bar for each series that ran the workload.
    func bars(of workload: FanoutComparison.Workload) -> Markup {
        let yardstick = comparison.base.map { comparison.medianRate(of: comparison.runs(of: workload, label: $0)) } ?? 0
        let bars = comparison.labels.enumerated().compactMap { place, label -> BarPlot.Bar? in
            let runs = comparison.runs(of: workload, label: label)
            guard !runs.isEmpty else { return nil }
            let rate = comparison.medianRate(of: runs)
            let ratio = yardstick > 0 ? " · " + Figure.ratio(rate / yardstick) : ""
            return BarPlot.Bar(
                name: FanoutComparison.title(of: label), style: PlotStyle(index: place), value: rate,
                label: Figure.scaled(rate) + "/s" + ratio, samples: runs.map { reports[$0].deliveriesPerSecond },
                isDoubtful: comparison.isDoubtful(runs), warning: comparison.warning(about: runs))
        }
        let isRepeated = bars.contains { $0.samples.count > 1 }
        let caption = (isRepeated ? "The median of the valid runs; a dot for each run. " : "") + base(yardstick)
        return figure("Deliveries per second", caption, BarPlot(name: "Deliveries per second", bars: bars).markup)
    }

    private func base(_ yardstick: Double) -> String {
        guard let base = comparison.base, yardstick > 0 else { return "" }
        return "Ratios: \(FanoutComparison.title(of: base)) is 1."
    }

    /// A line of the scaling plot, and the runs that it stands for.
    private struct ScalingLine {
        var line: LinePlot.Series
        var runs: [Int]
    }

    /// A figure for each kind of load that ran with several numbers of clients, a line for each series.
    func scalingFigures(of labels: [String]) -> [Markup] {
        FanoutComparison.distinct(comparison.workloads.map(\.unscaled)).compactMap { family in
            let lines = labels.enumerated().compactMap { place, label in
                scalingLine(of: family, label: label, FanoutComparison.title(of: label), PlotStyle(index: place))
            }
            return scalingFigure(lines, title: "Scaling: \(family.name)")
        }
    }

    /// One figure with a line for each kind of load; nil if none ran with several numbers of clients.
    func scalingFigure(of families: [FanoutComparison.Workload]) -> Markup? {
        let lines = families.enumerated().compactMap { place, family in
            scalingLine(
                of: family, label: nil, family.distinctName(among: families), PlotStyle(index: place + reports.count))
        }
        return scalingFigure(lines, title: "Scaling")
    }

    /// The median for each number of clients; nil if there is only one.
    private func scalingLine(
        of family: FanoutComparison.Workload, label: String?, _ name: String, _ style: PlotStyle
    ) -> ScalingLine? {
        let runs = reports.indices.filter {
            comparison.workloads[$0].unscaled == family && (label == nil || reports[$0].label == label)
        }
        let points = Set(runs.map { reports[$0].clients }).sorted().map { clients in
            let these = runs.filter { reports[$0].clients == clients }
            let rate = comparison.medianRate(of: these)
            return LinePlot.Point(
                x: Double(clients), y: rate, isDoubtful: comparison.isDoubtful(these),
                title: "\(name): \(Figure.grouped(clients)) clients, \(Figure.scaled(rate))/s")
        }
        let line = LinePlot.Series(name: name, style: style, points: points)
        return points.count < 2 ? nil : ScalingLine(line: line, runs: runs)
    }

    private func scalingFigure(_ lines: [ScalingLine], title: String) -> Markup? {
        let points = lines.flatMap(\.line.points)
        let clients = Set(points.map(\.x)).sorted()
        guard !clients.isEmpty else { return nil }
        let plot = LinePlot(
            name: "Deliveries per second by number of clients", xName: "clients", yName: "deliveries/s",
            x: .logarithmic(at: clients, gap: 0.13) { Figure.grouped(Int($0)) },
            y: .linear(upTo: points.map(\.y).max() ?? 0) { Figure.scaled($0, isTick: true) }, series: lines.map(\.line))
        let legend = PlotLegend(entries: lines.map { legendEntry($0.line.name, $0.line.style, $0.runs) })
        return figure(title, "Deliveries per second by number of clients.", "\(plot.markup)\(legend.markup)")
    }
}
