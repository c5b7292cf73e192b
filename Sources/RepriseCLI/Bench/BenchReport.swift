internal import ArgumentParser
internal import NIOCore
internal import RepriseLoad

/// `reprise bench report`.
struct BenchReport: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make a page of plots from stored runs.",
        discussion: """
            Reads what `bench fanout --json` printed: one JSON object a line, from any number of files, and writes one \
            page of HTML that needs nothing else. Runs with the same --label are one series; with several series, \
            ratios are to the one called "floor", or else to the first. The page is written whatever the verdicts are.

            Examples:
              reprise bench fanout --clients 10,100,1000 --json > runs.jsonl
              reprise bench report runs.jsonl --output runs.html
              cat floor.jsonl reprise.jsonl | reprise bench report - --output compared.html --title "Fan-out, 1 core"
            """)

    @Argument(help: ArgumentHelp("JSON Lines of runs; - is standard input.", valueName: "file"))
    var files: [String]

    @Option(name: .shortAndLong, help: ArgumentHelp("The page.", valueName: "out.html"))
    var output: String

    @Option(help: "The page's title.")
    var title = "Fan-out benchmark"

    func validate() throws {
        if files.count(where: { $0 == "-" }) > 1 { throw ValidationError("standard input can be read only once") }
    }

    func run() throws {
        let reports = try files.flatMap { try StoredReports.read($0) }
        try FanoutPage(reports, title: title).write(to: output)
    }
}

extension FanoutPage {
    /// Writes the page to a file, which is made or replaced.
    func write(to path: String) throws {
        var file = try StandardOutput(file: path)
        file.buffer.writeString(html)
        try file.flush()
    }
}
