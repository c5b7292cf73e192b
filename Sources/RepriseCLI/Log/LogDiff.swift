internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log diff`.
struct LogDiffCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diff",
        abstract: "Compare two logs, or one log under two configurations.",
        discussion: """
            A and B are data folders, or files that `log export` wrote; - is standard input. They are laid side by side \
            by position: every field of every event, and what each event delivers to how many. Times are compared only \
            with --times, because two recordings of the same clients never have the same ones; the identity of a log is \
            not compared. Files are taken as they stand, also where an import would refuse them. The first difference is \
            printed with both sides, then the counts.

            With --config twice and one log, the messages of every session are decided again under both configurations, \
            and what would have been delivered differently is reported.

            Exit codes: 0 no difference; 1 could not run; 2 they differ; 3 a log is damaged.

            Examples:
              reprise log diff old-data new-data
              reprise log diff reprise-data recording.jsonl
              reprise log export copy | reprise log diff reprise-data - --times
              reprise log diff --config a.yaml --config b.yaml reprise-data
            """
    )

    @Argument(help: ArgumentHelp("Two logs, or one with --config.", valueName: "log"))
    var logs: [String] = []

    @Option(help: ArgumentHelp("A configuration file of `serve`; given twice.", valueName: "file"))
    var config: [String] = []

    @Flag(help: "Compare times too.")
    var times = false

    @Flag(help: "Print one JSON object; with --config, one for each session.")
    var json = false

    func validate() throws {
        switch config.count {
        case 0:
            guard logs.count == 2 else { throw ValidationError("give two logs to compare; they are \(logs.count)") }
            guard logs != ["-", "-"] else { throw ValidationError("only one log can be standard input") }
        case 2:
            guard logs.count <= 1 else { throw ValidationError("with --config twice, give one log") }
            guard !times else { throw ValidationError("--times compares two logs; it has no part in --config") }
        default:
            throw ValidationError(
                "give --config twice, with one log; `reprise replay --config` compares with what was recorded")
        }
    }

    func run() throws {
        config.isEmpty ? try compareLogs() : try compareConfigurations()
    }

    private func compareLogs() throws {
        var left = try LogSource(logs[0])
        var right = try LogSource(logs[1])
        var difference = LogDifference(comparesTimes: times, left: left.start, right: right.start)
        var progress = left.end.map { Progress("comparing", through: $0) }
        try difference.run(&left, &right) { progress?.note($0) }
        progress?.clear()
        var output = StandardOutput()
        let report = LogDiffReport(difference: difference, names: (logs[0], logs[1]))
        if json { try report.printJSON(to: &output) } else { try report.printLines(to: &output) }
        try output.flush()
        if difference.first != nil { throw CommandEnd(status: .divergence, message: nil) }
    }

    private func compareConfigurations() throws {
        let rules = (try RulesFile.read(config[0]), try RulesFile.read(config[1]))
        DamageTrap.arm()
        let path = logs.first ?? DataOptions.defaultPath
        let log = try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
        var output = StandardOutput()
        var differs = false
        for session in try log.sessions() {
            var comparison = try WhatIf(log, session: session, left: rules.0, right: rules.1)
            try comparison.run()
            differs = differs || comparison.first != nil
            let report = WhatIfReport(whatIf: comparison, session: session.id, names: (config[0], config[1]))
            if json { try report.printJSON(to: &output) } else { try report.printLines(to: &output) }
        }
        try output.flush()
        if differs { throw CommandEnd(status: .divergence, message: nil) }
    }
}
