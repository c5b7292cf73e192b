internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log show`.
struct LogShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print events, one a line.",
        discussion: """
            With --json the lines are those of `log export`. Events are shown that meet every condition that is given.

            With --follow, the command goes on as a server appends, also when that server ends and another one takes \
            the folder up. SIGINT (Ctrl-C) and SIGTERM end it with 0.

            Examples:
              reprise log show --from end-20
              reprise log show --from end --follow
              reprise log show --from @-15m --event disconnected
              reprise log show --route onMessage --grep '"room":7' --limit 5
              reprise log show --connection Yj2wHcF1PCsjAAA= --json
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions
    @OptionGroup var filter: EventFilter

    @Option(help: ArgumentHelp("Print at most so many events.", valueName: "count"))
    var limit: UInt64?

    @Flag(help: "Go on as a server appends.")
    var follow = false

    @Flag(help: "Print one JSON object for each event.")
    var json = false

    func validate() throws {
        if follow, range.to != nil { throw ValidationError("--follow has no end: leave --to out") }
    }

    func run() throws {
        let log = try data.openLog()
        let bounds = try range.resolve(in: log)
        var output = StandardOutput()
        var left = limit ?? .max
        if follow {
            try self.follow(log, from: bounds.from, &left, to: &output)
        } else {
            try log.walk(from: bounds.from, through: bounds.to) { event in
                try show(event, &left, to: &output)
            } onDamage: {
                try output.flush()
            }
        }
        try output.flush()
    }

    private func follow(
        _ log: EventLog, from first: Position?, _ left: inout UInt64, to output: inout StandardOutput
    ) throws {
        var follower = try LogFollower(log, from: try first ?? log.firstPosition() ?? Position(1))
        while left > 0 {
            let events = try follower.next()
            if events.isEmpty { return }
            for event in events where try !show(event, &left, to: &output) { break }
            try output.flush()
        }
    }

    /// Prints an event, if it is to be shown.
    ///
    /// - Returns: whether to go on.
    private func show(_ event: Event, _ left: inout UInt64, to output: inout StandardOutput) throws -> Bool {
        guard left > 0 else { return false }
        guard filter.admits(event.fact) else { return true }
        left -= 1
        if json {
            EventJSON.append(event, to: &output.buffer)
        } else {
            output.buffer.writeString(EventSummary(event).line)
        }
        try output.endLine()
        return left > 0
    }
}
