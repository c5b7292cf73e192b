/// The report for people at a terminal.
extension FanoutReport: CustomStringConvertible {
    /// A table that ends with the verdict.
    public var description: String {
        var lines = [heading, ""]
        var facts: [(String, String)] = [
            (
                "deliveries",
                "\(Figure.scaled(deliveriesPerSecond))/s over \(Figure.fixed(seconds, decimals: 1)) s, "
                    + "\(Figure.grouped(measuredMessages)) messages"
            ),
            (
                "verified",
                "\(Figure.grouped(receivedDeliveries)) of \(Figure.grouped(expectedDeliveries)) deliveries, "
                    + "\(Figure.grouped(messagesSent)) messages"
            ),
        ]
        if errorsExpected > 0 {
            facts.append(
                ("refused", "\(Figure.grouped(errorsReceived)) of \(Figure.grouped(errorsExpected)) error frames came"))
        }
        facts += [("server", serverText), ("generator", generatorText), ("connecting", connectText)]
        if !originText.isEmpty { facts.append(("origin", originText)) }
        facts += notes.map { ("note", $0) }
        var table = TextTable([.left, .left])
        for (name, text) in facts where !text.isEmpty { table.append([name, text]) }
        lines += table.lines(indent: 2) + [""] + latencyLines + ["", verdict.rawValue]
        lines += failedRules.map { "  \($0)" }
        return Figure.plain(lines.joined(separator: "\n"))
    }

    /// One line for each run, for a look at several; ratios if there are several series. Empty without runs.
    public static func comparisonTable(_ reports: [FanoutReport]) -> String {
        let comparison = FanoutComparison(reports)
        if reports.isEmpty { return "" }
        let isNamed = comparison.labels != [""]
        let ratio = comparison.base.map { ["to \(FanoutComparison.title(of: $0))"] } ?? []
        let left = (isNamed ? ["series"] : []) + ["clients", "mode", "payload", "deliveries/s"]
        let right = ["p50", "p99", "p99.9", "max", "server CPU", "verdict"]
        let names = left + ratio + right
        var table = TextTable(names.map { ["series", "mode", "verdict"].contains($0) ? .left : .right })
        table.append(names)
        for (index, report) in reports.enumerated() {
            let latency = report.latency
            let durations = [latency.p50, latency.p99, latency.p999, latency.max].map {
                latency.count == 0 ? "-" : Figure.duration(microseconds: $0)
            }
            let ratio = comparison.base == nil ? [] : [comparison.ratio(of: index).map { Figure.ratio($0) } ?? "-"]
            let cells =
                (isNamed ? [FanoutComparison.title(of: report.label)] : []) + [
                    Figure.grouped(report.clients), FanoutComparison.Workload.modeName(report.mode),
                    Figure.bytes(report.payloadBytes), Figure.scaled(report.deliveriesPerSecond),
                ] + ratio + durations
            let cpu = report.cpuNanosecondsPerDelivery.map { Figure.duration(microseconds: $0 / 1000) } ?? "-"
            table.append(cells + [cpu, report.verdict.rawValue])
        }
        return Figure.plain(table.lines().joined(separator: "\n"))
    }

    private var heading: String {
        (label.isEmpty ? "" : label + ": ") + FanoutComparison.Workload(self).name
    }

    private var latencyLines: [String] {
        var table = TextTable([.left] + Array(repeating: .right, count: 6))
        table.append(["latency", "p50", "p90", "p99", "p99.9", "max", "mean"])
        for (name, latency) in [("to the last client", latency), ("to each client", deliveryLatency)] {
            let durations = [latency.p50, latency.p90, latency.p99, latency.p999, latency.max, latency.mean]
            table.append([name] + durations.map { latency.count == 0 ? "-" : Figure.duration(microseconds: $0) })
        }
        return table.lines(indent: 2)
    }

    private var serverText: String {
        var parts: [String] = []
        if let cpu = cpuNanosecondsPerDelivery {
            parts.append("\(Figure.duration(microseconds: cpu / 1000)) CPU a delivery")
        }
        if let cpu = serverCPUSeconds, seconds > 0 {
            parts.append("\(Figure.percent(serverCPUShare ?? cpu / seconds)) of a CPU")
        }
        let memory = [
            (serverResidentBytesBefore, "before"), (serverResidentBytesConnected, "connected"),
            (serverResidentBytesPeak, "at most"),
        ].compactMap { bytes, name in bytes.map { "\(Figure.bytes($0)) \(name)" } }
        if !memory.isEmpty { parts.append("memory " + memory.joined(separator: ", ")) }
        return parts.joined(separator: "; ")
    }

    private var generatorText: String {
        "\(Figure.percent(generatorCPUShare)) of a CPU, starved \(Figure.percent(generatorStarvedShare))"
    }

    private var connectText: String {
        guard connectSeconds > 0 else { return "" }
        return "\(Figure.grouped(clients)) in \(Figure.duration(microseconds: connectSeconds * 1e6)), "
            + "\(Figure.scaled(connectsPerSecond))/s"
    }

    /// What a figure is worth nothing without.
    private var originText: String {
        let parts = [
            durability == "unknown" ? "" : "durability \(durability)",
            revision == "unknown" ? "" : "revision \(revision)",
            serverCPUs.map { "server on CPU \($0)" } ?? "", generatorCPUs.map { "generator on CPU \($0)" } ?? "",
            "seed \(seed)", date,
        ]
        return parts.filter { !$0.isEmpty }.joined(separator: ", ")
    }
}
