/// The table: a row for each run.
extension FanoutPage {
    /// A column of the table; `isText` is aligned left.
    private struct Column {
        var name: String
        var hint = ""
        var isText = false
        var cell: (Int) -> Markup
    }

    var summary: Markup {
        let columns = summaryColumns
        let head = columns.map { column -> Markup in
            let hint: Markup = column.hint.isEmpty ? "" : "<small>\(column.hint)</small>"
            return "<th scope=\"col\"\(column.isText ? " class=\"text\"" : "" as Markup)>\(column.name)\(hint)</th>"
        }
        let rows = rowOrder.map { index -> Markup in
            let cells = columns.map { column -> Markup in
                "<td\(column.isText ? " class=\"text\"" : "" as Markup)>\(column.cell(index))</td>"
            }
            return "<tr\(reports[index].verdict == .invalid ? " class=\"invalid-row\"" : "" as Markup)>\(cells)</tr>\n"
        }
        return """
            <section>
            <h2>Runs</h2>
            <div class="scroll" tabindex="0" role="region" aria-label="Runs">
            <table>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(rows)</tbody>
            </table>
            </div>
            </section>

            """
    }

    /// Runs of one workload stand together, and in them those of one series, each in the order given.
    private var rowOrder: [Int] {
        comparison.distinctWorkloads.flatMap { workload in
            comparison.labels.flatMap { comparison.runs(of: workload, label: $0) }
        }
    }

    private var summaryColumns: [Column] {
        let reports = reports
        let comparison = comparison
        func latency(_ name: String, _ value: @escaping (FanoutReport.Latency) -> Double) -> Column {
            Column(name: name, hint: "latency") { index in
                let latency = reports[index].latency
                return latency.count == 0 ? FanoutPage.none : "\(Figure.duration(microseconds: value(latency)))"
            }
        }
        var columns = [Column(name: "Verdict", isText: true) { FanoutPage.badge(reports[$0].verdict) }]
        if comparison.labels != [""] {
            columns.append(
                Column(name: "Series", isText: true) {
                    "<span class=\"series\">\(FanoutComparison.title(of: reports[$0].label))</span>"
                })
        }
        columns += [
            Column(name: "Clients") { "<a href=\"#run-\($0 + 1)\">\(Figure.grouped(reports[$0].clients))</a>" },
            Column(name: "Mode", isText: true) { "\(FanoutComparison.Workload.modeName(reports[$0].mode))" },
            Column(name: "Payload") { "\(Figure.bytes(reports[$0].payloadBytes))" },
            Column(name: "Deliveries", hint: "per second") {
                "<strong>\(Figure.scaled(reports[$0].deliveriesPerSecond))</strong>"
            },
        ]
        if let base = comparison.base {
            columns.append(
                Column(name: "Ratio", hint: "to \(FanoutComparison.title(of: base))") { index in
                    comparison.ratio(of: index).map { "\(Figure.ratio($0))" } ?? FanoutPage.none
                })
        }
        columns += [
            latency("p50") { $0.p50 }, latency("p90") { $0.p90 }, latency("p99") { $0.p99 },
            latency("p99.9") { $0.p999 }, latency("max") { $0.max },
            Column(name: "Server CPU", hint: "per delivery") { index in
                reports[index].cpuNanosecondsPerDelivery.map { "\(Figure.duration(microseconds: $0 / 1000))" }
                    ?? FanoutPage.none
            },
            Column(name: "Server", hint: "peak memory") { index in
                reports[index].serverResidentBytesPeak.map { "\(Figure.bytes($0))" } ?? FanoutPage.none
            },
            Column(name: "Generator", hint: "of a CPU") { "\(Figure.percent(reports[$0].generatorCPUShare))" },
        ]
        return columns
    }

    /// A cell without a figure.
    static let none: Markup = "<span class=\"none\">–</span>"
}
