/// Runs of `bench fanout` as one page of HTML that needs nothing else: no script, no font, no network. The same reports
/// give the same page, byte for byte.
public struct FanoutPage: Sendable {
    /// The page's title.
    public var title: String
    let comparison: FanoutComparison

    /// A page over these runs.
    ///
    /// - Parameters:
    ///   - reports: the runs, in the order in which they are shown; runs of one `label` are one series.
    ///   - title: what was measured, for the head of the page.
    public init(_ reports: [FanoutReport], title: String = "Fan-out benchmark") {
        comparison = FanoutComparison(reports)
        self.title = title
    }

    var reports: [FanoutReport] { comparison.reports }

    /// The page.
    public var html: String {
        let page: Markup = """
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta name="generator" content="reprise bench">
            <title>\(title)</title>
            <style>
            \(FanoutPage.style)
            </style>
            </head>
            <body>
            \(header)
            <main>
            \(reports.isEmpty ? "<p class=\"empty\">There are no runs in this report.</p>" : runs)
            </main>
            \(footer)
            </body>
            </html>

            """
        return page.source
    }

    /// Several series are looked at first, a single one is read first.
    private var runs: Markup {
        let figures: Markup = comparison.labels.count > 1 ? "\(plots)\(summary)" : "\(summary)\(plots)"
        return "\(invalidRuns)\(figures)\(provenance)\(details)"
    }

    private var header: Markup {
        """
        <header>
        <h1>\(title)</h1>
        <p class="lead">\(lead)</p>
        \(overallVerdict)
        </header>
        """
    }

    /// What was measured, in a line.
    private var lead: String {
        let clients = reports.map(\.clients)
        guard let least = clients.min(), let most = clients.max() else { return "WebSocket broadcast: no runs." }
        let range = least == most ? Figure.grouped(least) : "\(Figure.grouped(least)) to \(Figure.grouped(most))"
        let runs = reports.count == 1 ? "one run" : "\(Figure.grouped(reports.count)) runs"
        let series = comparison.labels.count > 1 ? " of \(comparison.labels.count) servers or settings" : ""
        return "WebSocket broadcast to \(range) client\(most == 1 ? "" : "s"): \(runs)\(series). "
            + "Every delivery was compared with what had to come."
    }

    private var overallVerdict: Markup {
        let invalid = reports.count { $0.verdict == .invalid }
        if reports.isEmpty { return "" }
        if invalid == 0 {
            let text =
                reports.count == 1
                ? "the run holds every rule" : "all \(Figure.grouped(reports.count)) runs hold every rule"
            return "<p class=\"overall\">\(FanoutPage.badge(.valid)) \(text)</p>"
        }
        let text =
            reports.count == 1
            ? "the run breaks a rule: its figures are not to be trusted"
            : "\(Figure.grouped(invalid)) of \(Figure.grouped(reports.count)) runs break a rule: their figures are not to be trusted"
        return "<p class=\"overall\">\(FanoutPage.badge(.invalid)) \(text)</p>"
    }

    /// The runs that are not valid, with every rule that failed.
    private var invalidRuns: Markup {
        let all = Array(reports.indices)
        let entries = all.filter { reports[$0].verdict == .invalid }.map { index -> Markup in
            let rules = reports[index].failedRules.map { "<li>\($0)</li>" as Markup }
            return """
                <li>\(FanoutPage.badge(.invalid)) <a href="#run-\(index + 1)">\(comparison.name(of: index, among: all))</a>
                <ul>\(rules)</ul></li>

                """
        }
        if entries.isEmpty { return "" }
        return "<section class=\"broken\">\n<h2>Rules that failed</h2>\n<ul>\n\(entries)</ul>\n</section>\n"
    }

    static func badge(_ verdict: FanoutReport.Verdict) -> Markup {
        "<span class=\"badge \(verdict == .valid ? "valid" : "invalid")\">\(verdict.rawValue)</span>"
    }

    private var footer: Markup {
        """
        <footer>
        <h2>How to read this</h2>
        <dl>
        <dt>Delivery</dt><dd>One message that reached one client. A message to 1 000 clients is 1 000 deliveries.</dd>
        <dt>Latency</dt><dd>From sending until the last client had the message, unless it says “to each client”. With a \
        rate, it counts from the time at which the message should have been sent, so waiting is not hidden.</dd>
        <dt>VALID</dt><dd>Every client received every message, once, in the one order, and the generator had the CPU that \
        it needed. INVALID runs are hollow and dashed in the plots.</dd>
        <dt>Ratio</dt><dd>Deliveries per second, divided by the median of the yardstick’s valid runs of the same work.</dd>
        </dl>
        </footer>
        """
    }
}
