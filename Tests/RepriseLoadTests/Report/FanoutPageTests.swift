import Testing

@testable import RepriseLoad

@Suite("The page of a report")
struct FanoutPageTests {
    /// Elements that are never closed.
    private static let void: Set<Substring> = ["meta", "!doctype"]

    /// The tags that are open at the end, or nil if one is closed that was not the last to be opened.
    private func openTags(_ html: String) -> [Substring]? {
        var open: [Substring] = []
        for match in html.matches(of: /<(\/?)([a-z0-9!]+)(?:[^>"]|"[^"]*")*?(\/?)>/) {
            let (_, slash, name, selfClosing) = match.output
            if Self.void.contains(name) || !selfClosing.isEmpty { continue }
            if slash.isEmpty {
                open.append(name)
            } else if open.popLast() != name {
                return nil
            }
        }
        return open
    }

    private static let pages: [[FanoutReport]] = [
        [], [.example()], [.nothing], [.example(clients: 10), .example(clients: 100), .nothing],
        [.example(label: "floor"), .example(label: "ours"), FanoutReport.example(label: "ours").broken("r")],
        (1...20).flatMap { n in ["window 1", "window 64"].map { .example(clients: n, mode: $0) } },
    ]

    @Test("Every element is closed, nothing is fetched, no coordinate is missing", arguments: pages.indices)
    func wellFormed(index: Int) {
        let html = FanoutPage(Self.pages[index]).html
        #expect(openTags(html) == [])
        for word in ["http:", "https:", "<script", "<link", "@import", "url(", "nan", "=\"-\""] {
            #expect(!html.contains(word), "\(word)")
        }
        #expect(html.matches(of: /[ MLHV"]-[ MLHV"]/).isEmpty, "a coordinate that is no number")
    }

    @Test("The same reports give the same page", arguments: pages.indices)
    func deterministic(index: Int) {
        #expect(FanoutPage(Self.pages[index], title: "t").html == FanoutPage(Self.pages[index], title: "t").html)
    }

    @Test("An empty list is a page that says so")
    func empty() {
        let html = FanoutPage([]).html
        #expect(html.contains("There are no runs in this report."))
        #expect(!html.contains("<table>") && !html.contains("VALID</span>"))
    }

    @Test("One valid run has a row, its figures, three plots and no scaling")
    func oneRun() {
        let html = FanoutPage([.example()]).html
        #expect(html.count(of: "<td class=\"text\"><span class=\"badge valid\">VALID</span></td>") == 1)
        #expect(html.contains("<strong>2.00\u{A0}M</strong>"))
        #expect(html.count(of: "<svg class=\"plot\"") == 3)
        #expect(!html.contains("Scaling") && !html.contains(">Ratio<small>"))
        #expect(!html.contains("Rules that failed") && !html.contains("hollow\""))
    }

    @Test("A run that is not valid is named with every rule, and is hollow and dashed")
    func invalid() {
        let html = FanoutPage([FanoutReport.example(clients: 10).broken("Client 3 lacks 5 < 6 messages."), .example()])
            .html
        #expect(html.contains("1 of 2 runs break a rule"))
        #expect(html.count(of: "<li>Client 3 lacks 5 &lt; 6 messages.</li>") == 2)
        #expect(html.contains("class=\"line dashed\"") && html.contains("class=\"mark hollow\""))
        #expect(html.contains("<tr class=\"invalid-row\">"))
    }

    @Test("A run without a delivery has a page without figures, not without an explanation")
    func nothing() {
        let html = FanoutPage([.nothing]).html
        #expect(html.contains("No latency was recorded.") && html.contains("No run lasted a whole second."))
        #expect(html.contains("Nothing was delivered in the measured time."))
        #expect(!html.contains("<svg class=\"plot\""))
    }

    @Test("Runs with all latencies 0 have a plot")
    func zeroLatencies() {
        var report = FanoutReport.example()
        report.latency = .example(scale: 0)
        #expect(FanoutPage([report]).html.count(of: "<svg class=\"plot\"") == 3)
    }

    @Test("A percentile that has too few samples is not drawn beside the maximum")
    func supportedPercentiles() {
        let points = FanoutPage.points(of: .example(scale: 1), name: "a", isDoubtful: false)
        #expect(points.map(\.x) == [0, 25, 50, 75, 90, 99, 99.9, 100])
        #expect(Figure.plain(points[6].title) == "a: p99.9 20.0 µs" && points[7].title.hasPrefix("a: max"))
        #expect(points.filter { !$0.isMarked }.map(\.x) == [25, 75])
    }

    @Test("Several sizes have a scaling plot; several series have bars and ratios for each workload")
    func comparison() {
        let sizes = FanoutPage([.example(clients: 10), .example(clients: 1000)]).html
        #expect(sizes.count(of: "<h3>Scaling</h3>") == 1)
        #expect(!sizes.contains("class=\"plot bars\""))
        let series = FanoutPage([
            .example(label: "ours", deliveriesPerSecond: 3_000_000), .example(label: "floor"),
            .example(label: "ours", mode: "window 1"), .example(label: "floor", mode: "window 1"),
        ]).html
        #expect(series.count(of: "<svg class=\"plot bars\"") == 2)
        #expect(series.contains("<td>1.50\u{A0}×</td>") && series.contains("<small>to floor</small>"))
        #expect(!series.contains("<h3>Scaling"))
    }

    @Test("Whatever a report says stays text")
    func escaping() {
        let evil = "<img src=x onerror='1'>\"&"
        var report = FanoutReport.example(label: evil, mode: evil).broken(evil)
        report.revision = evil
        report.date = evil
        report.machine.cpu = evil
        report.machine.kernel = evil
        report.durability = evil
        report.serveFlags = [evil]
        report.serverCPUs = evil
        report.generatorCPUs = evil
        report.commandLine = [evil]
        report.url = evil
        report.envelope = evil
        report.notes = [evil]
        for reports in [[report], [report, .example(label: "b"), .example(label: evil, clients: 7, mode: evil)]] {
            let html = FanoutPage(reports, title: evil).html
            #expect(!html.contains("<img") && !html.contains("onerror='"))
            #expect(html.contains("&lt;img src=x onerror=&#39;1&#39;&gt;&quot;&amp;"))
            #expect(openTags(html) == [])
        }
    }

    @Test("Where a run was made is said once if all share it")
    func provenance() {
        var report = FanoutReport.example()
        report.machine.cpu = "AMD EPYC"
        report.machine.cores = 2
        report.revision = "9dd4494"
        report.durability = "always"
        report.serverCPUs = "0"
        report.generatorCPUs = "1"
        report.commandLine = ["reprise", "bench", "fanout", "--label", "it's"]
        let html = FanoutPage([report, report]).html
        #expect(html.count(of: "AMD EPYC, 2 cores") == 1)
        #expect(html.contains("<dt>Revision</dt><dd>9dd4494</dd>"))
        #expect(html.contains("<dt>CPUs</dt><dd>server on 0, generator on 1</dd>"))
        #expect(html.contains("<code>reprise bench fanout --label &#39;it&#39;\\&#39;&#39;s&#39;</code>"))
    }

    @Test("What differs is listed for all, and said again for each run")
    func differingProvenance() {
        var always = FanoutReport.example(label: "a")
        always.durability = "always"
        var interval = FanoutReport.example(label: "b")
        interval.durability = "interval"
        let html = FanoutPage([always, interval]).html
        #expect(html.count(of: "<dt>Durability</dt><dd>always · interval</dd>") == 1)
        #expect(html.count(of: "<dt>Durability</dt><dd>always</dd>") == 1)
        #expect(html.count(of: "<dt>Durability</dt><dd>interval</dd>") == 1)
        #expect(html.count(of: "<dt>Seed</dt>") == 1)
    }
}
