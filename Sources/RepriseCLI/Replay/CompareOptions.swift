internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// With what `replay` compares a session, besides its own recording.
struct CompareOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Decide every message again under this configuration file of `serve`, and report what would have been "
                + "delivered differently.", valueName: "file"))
    var config: String?

    @Option(
        help: ArgumentHelp("Replay with this other build of reprise too, and compare every event.", valueName: "binary")
    )
    var against: String?

    @Option(help: ArgumentHelp("Compare every event with this file.", valueName: "file"))
    var expect: String?

    @Option(help: ArgumentHelp("Write what this build makes of every event to a file for --expect.", valueName: "file"))
    var writeExpect: String?

    @Flag(
        help: """
            Print what this build makes of every event, one JSON object a line: the route it decides, recipients, frames \
            and digests.
            """)
    var trace = false

    func validate() throws {
        let given = [
            ("--config", config != nil), ("--against", against != nil), ("--expect", expect != nil),
            ("--write-expect", writeExpect != nil), ("--trace", trace),
        ].filter(\.1).map(\.0)
        if given.count > 1 { throw ValidationError("\(given[0]) and \(given[1]) cannot be combined") }
    }

    /// Compares, if any of the options is given.
    ///
    /// - Returns: whether one was.
    /// - Throws: `CommandEnd` with exit code 2 where something differs.
    func run(
        _ log: EventLog, _ sessions: [Session], _ bounds: (from: Position?, to: Position?), json: Bool
    ) throws -> Bool {
        if let config {
            try compare(log, sessions, bounds, with: config, json: json)
            return true
        }
        guard trace || against != nil || expect != nil || writeExpect != nil else { return false }
        guard bounds.from == nil, bounds.to == nil else {
            throw ValidationError("whole sessions are compared: leave --from and --to out")
        }
        if let against {
            try AgainstBuild(path: against).compare(log, sessions, json: json)
        } else if let expect {
            var comparison = TraceComparison(LineReader(try InputFile(path: expect)))
            try comparison.run(log, sessions)
            try comparison.finish(names: (expect, "this build"), json: json)
        } else {
            var output = try writeExpect.map { try StandardOutput(file: $0) } ?? StandardOutput()
            try log.trace(sessions) { _, line in
                output.buffer.writeImmutableBuffer(line)
                try output.endLine()
                return true
            }
            try output.flush()
        }
        return true
    }

    private func compare(
        _ log: EventLog, _ sessions: [Session], _ bounds: (from: Position?, to: Position?), with path: String,
        json: Bool
    ) throws {
        let rules = try RulesFile.read(path)
        var output = StandardOutput()
        var differs = false
        for session in sessions {
            var whatIf = try WhatIf(log, session: session, from: bounds.from, through: bounds.to, right: rules)
            var progress = Progress("comparing session \(session.id)", through: session.last ?? .zero)
            try whatIf.run { progress.note($0) }
            progress.clear()
            differs = differs || whatIf.first != nil
            let report = WhatIfReport(whatIf: whatIf, session: session.id, names: ("recorded", path))
            if json { try report.printJSON(to: &output) } else { try report.printLines(to: &output) }
        }
        try output.flush()
        if differs { throw CommandEnd(status: .divergence, message: nil) }
    }
}

extension EventLog {
    /// Gives the lines of the traces of sessions to `body`, each with its position, until it returns false.
    func trace(_ sessions: [Session], _ body: (Position, ByteBuffer) throws -> Bool) throws {
        let tail = try tail().position
        for session in sessions {
            var trace = try ReplayTrace(self, session: session)
            var reader = try LogReader(self, from: trace.next)
            let end = min(session.last ?? tail, tail)
            var goesOn = true
            var events: [Event] = []
            while reader.next <= end {
                try reader.read(through: end, into: &events)
                if events.isEmpty { break }
                try trace.apply(events) { step in
                    guard goesOn else { return }
                    var line = ByteBuffer()
                    step.append(to: &line)
                    goesOn = try body(step.position, line)
                }
                guard goesOn else { return }
            }
            var line = ByteBuffer()
            trace.appendEnd(to: &line)
            guard try body(end, line) else { return }
        }
    }
}
