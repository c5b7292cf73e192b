/// Where the runs come from, and every figure of each.
extension FanoutPage {
    /// Where a run comes from, by name; empty if unknown.
    private static let origins: [(name: String, text: @Sendable (FanoutReport) -> String)] = [
        ("Machine", { FanoutPage.text($0.machine) }),
        ("Date", { $0.date }),
        ("Revision", { $0.revision }),
        ("Durability", { $0.durability }),
        ("Server flags", { $0.serveFlags.map { FanoutPage.shell($0) } ?? "" }),
        ("CPUs", FanoutPage.pinning),
        ("Seed", { String($0.seed) }),
        ("Measured", { "\(Figure.fixed($0.seconds, decimals: 0)) s" }),
    ]

    /// What all runs share is said once; what differs is listed in order, and each run repeats its own.
    var provenance: Markup {
        let rows = FanoutPage.origins.map { ($0.name, $0.name == "Date" ? dates : values($0.text)) }
        let commands = values { $0.commandLine.map { FanoutPage.shell($0) } ?? "" }
        let code = commands.map { "<code>\($0)</code>" as Markup }
        return """
            <section>
            <h2>Where and how</h2>
            <dl class="facts">
            \(rows.filter { !$0.1.isEmpty }.map { "<dt>\($0.0)</dt><dd>\($0.1.joined(separator: " · "))</dd>\n" as Markup })\
            \(code.isEmpty ? "" : "<dt>Command</dt><dd>\(code)</dd>\n" as Markup)</dl>
            </section>

            """
    }

    /// Where this run comes from, as far as others come from elsewhere.
    private func ownOrigins(of report: FanoutReport) -> [(String, String)] {
        FanoutPage.origins.filter { $0.name != "Measured" && values($0.text).count > 1 }
            .map { ($0.name, $0.text(report)) }.filter { !$0.1.isEmpty }
    }

    /// The distinct values, without empty and unknown ones.
    private func values(_ text: (FanoutReport) -> String) -> [String] {
        FanoutComparison.distinct(reports.map(text)).filter { !$0.isEmpty && $0 != "unknown" }
    }

    private var dates: [String] {
        let dates = values { $0.date }.sorted()
        guard let first = dates.first, let last = dates.last else { return [] }
        return [first == last ? first : "\(first) to \(last)"]
    }

    private static func text(_ machine: Machine) -> String {
        let parts = [
            machine.cpu, machine.cores > 0 ? "\(machine.cores) core\(machine.cores == 1 ? "" : "s")" : "",
            machine.memoryBytes > 0 ? Figure.bytes(machine.memoryBytes) : "", machine.kernel,
        ]
        return parts.filter { !$0.isEmpty && $0 != "unknown" }.joined(separator: ", ")
    }

    private static func pinning(_ report: FanoutReport) -> String {
        switch (report.serverCPUs, report.generatorCPUs) {
        case (nil, nil): "not pinned"
        case (let server?, nil): "server on \(server), generator not pinned"
        case (nil, let generator?): "server not pinned, generator on \(generator)"
        case (let server?, let generator?): "server on \(server), generator on \(generator)"
        }
    }

    /// Words as a shell takes them.
    static func shell(_ words: [String]) -> String {
        words.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy { byte in
                    switch byte {
                    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                        UInt8(ascii: "0")...UInt8(ascii: "9"):
                        true
                    default: "-_./:=,@%+".utf8.contains(byte)
                    }
                }
            return isPlain
                ? word
                : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        }.joined(separator: " ")
    }

    /// A card for each run.
    var details: Markup {
        let all = Array(reports.indices)
        let cards = all.map { index -> Markup in
            let report = reports[index]
            let rules = report.failedRules.map { "<li>\($0)</li>" as Markup }
            let notes = report.notes.map { "<li>\($0)</li>" as Markup }
            return """
                <article id="run-\(index + 1)">
                <h3>\(FanoutPage.badge(report.verdict)) \(cardTitle(index))</h3>
                \(rules.isEmpty ? "" : "<ul class=\"rules\">\(rules)</ul>\n" as Markup)\
                \(notes.isEmpty ? "" : "<ul class=\"notes\">\(notes)</ul>\n" as Markup)\
                <dl class="facts">
                \((FanoutPage.facts(of: report) + ownOrigins(of: report)).map { "<dt>\($0.0)</dt><dd>\($0.1)</dd>\n" as Markup })</dl>
                </article>

                """
        }
        return "<section>\n<h2>Every run in full</h2>\n<div class=\"cards\">\n\(cards)</div>\n</section>\n"
    }

    private func cardTitle(_ index: Int) -> String {
        let report = reports[index]
        let twins = comparison.runs(of: comparison.workloads[index], label: report.label)
        let number = twins.count > 1 ? ", #\((twins.firstIndex(of: index) ?? 0) + 1)" : ""
        return (report.label.isEmpty ? "" : report.label + ": ") + comparison.workloads[index].name + number
    }

    private static func facts(of report: FanoutReport) -> [(String, String)] {
        var facts = [
            (
                "Deliveries",
                "\(Figure.scaled(report.deliveriesPerSecond))/s over \(Figure.fixed(report.seconds, decimals: 1)) s: "
                    + "\(Figure.grouped(report.measuredDeliveries)) deliveries of \(Figure.grouped(report.measuredMessages)) messages"
            ),
            (
                "Verified",
                "\(Figure.grouped(report.receivedDeliveries)) of \(Figure.grouped(report.expectedDeliveries)) deliveries, "
                    + "\(Figure.grouped(report.messagesSent)) messages"
            ),
        ]
        if report.errorsExpected > 0 {
            facts.append(
                (
                    "Refused",
                    "\(Figure.grouped(report.errorsReceived)) of \(Figure.grouped(report.errorsExpected)) error frames came"
                ))
        }
        facts += [("To the last", text(report.latency)), ("To each", text(report.deliveryLatency))]
        if let seconds = report.serverCPUSeconds {
            let share = report.serverCPUShare ?? (report.seconds > 0 ? seconds / report.seconds : 0)
            let cost =
                report.cpuNanosecondsPerDelivery.map { Figure.duration(microseconds: $0 / 1000) + " a delivery, " }
                ?? ""
            facts.append(("Server CPU", "\(cost)\(Figure.percent(share)) of a CPU"))
        }
        let memory = [
            (report.serverResidentBytesBefore, "before"), (report.serverResidentBytesConnected, "connected"),
            (report.serverResidentBytesPeak, "at most"),
        ].compactMap { bytes, name in bytes.map { "\(Figure.bytes($0)) \(name)" } }
        if !memory.isEmpty { facts.append(("Server memory", memory.joined(separator: ", "))) }
        facts += [
            (
                "Generator",
                "\(Figure.percent(report.generatorCPUShare)) of a CPU, starved \(Figure.percent(report.generatorStarvedShare))"
            ),
            (
                "Connecting",
                "\(Figure.scaled(report.connectsPerSecond))/s, \(Figure.fixed(report.connectSeconds, decimals: 2)) s"
            ),
        ]
        let faults = [
            (report.lostClients, "closed by the server"), (report.laggingClients, "too far behind"),
            (report.stalledClientsClosed, "stalled and closed"), (report.churnedClients, "left and were replaced"),
        ].filter { $0.0 > 0 }.map { "\(Figure.grouped($0.0)) \($0.1)" }
        if !faults.isEmpty { facts.append(("Clients", faults.joined(separator: ", "))) }
        if report.lateSends > 0 { facts.append(("Late sends", Figure.grouped(report.lateSends))) }
        facts.append(("Server", report.url.isEmpty ? "unknown" : "\(report.url), envelope \(report.envelope)"))
        return facts
    }

    private static func text(_ latency: FanoutReport.Latency) -> String {
        guard latency.count > 0 else { return "nothing recorded" }
        let figures = [
            ("p50", latency.p50), ("p90", latency.p90), ("p99", latency.p99), ("p99.9", latency.p999),
            ("max", latency.max),
            ("mean", latency.mean),
        ]
        return figures.map { "\($0.0)\u{A0}\(Figure.duration(microseconds: $0.1))" }.joined(separator: ", ")
    }
}
