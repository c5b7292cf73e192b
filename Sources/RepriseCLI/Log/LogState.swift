internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log state`.
struct LogStateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "state",
        abstract: "Say who was connected at a place, and who came and went between two.",
        discussion: """
            The state is the one right after the event at the place. It is taken from the last snapshot before it and \
            folded forward, so that any place of a long log is answered at once.

            Each line begins with the position at which the connection was opened. With --diff, a line with + is of \
            somebody who was not there at A and is at B, one with - of somebody who was there and is not any more; it \
            begins with the position of the end. Who came and went in between is in neither state.

            Examples:
              reprise log state
              reprise log state --at 1234 --json
              reprise log state --at @2026-11-22T14:00:00Z --data /var/lib/reprise
              reprise log state --diff @-15m end
            """
    )

    @OptionGroup var data: DataOptions

    @Option(
        help: ArgumentHelp("The place: \(Place.grammar).", valueName: "place"),
        transform: { try Place(parsing: $0) })
    var at: Place?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp("Two places, A and B: who came and who went between them.", valueName: "place"),
        transform: { try Place(parsing: $0) })
    var diff: [Place] = []

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if !diff.isEmpty, diff.count != 2 {
            throw ValidationError("--diff takes two places, such as --diff start end; give the folder with --data")
        }
        if !diff.isEmpty, at != nil { throw ValidationError("--at is one place and --diff two: give one of them") }
    }

    func run() throws {
        let log = try data.openLog()
        var output = StandardOutput()
        if let from = diff.first, let to = diff.last {
            let change = LiveSetChange(from: try liveSet(from, of: log), to: try liveSet(to, of: log), log)
            guard change.from.position <= change.to.position else {
                throw CommandEnd(
                    status: .couldNotRun,
                    message: "--diff goes forward: \(from) is position \(change.from.position), which is after \(to), "
                        + "position \(change.to.position)")
            }
            if json { try change.printJSON(to: &output) } else { try change.printLines(to: &output) }
        } else {
            let report = LiveSetReport(try liveSet(at ?? .end(before: 0), of: log), log)
            if json { try report.printJSON(to: &output) } else { try report.printLines(to: &output) }
        }
        try output.flush()
    }

    private func liveSet(_ place: Place, of log: EventLog) throws -> LiveSet {
        try LiveSet(of: log, at: try place.resolve(in: log, now: .now, as: .last))
    }
}
