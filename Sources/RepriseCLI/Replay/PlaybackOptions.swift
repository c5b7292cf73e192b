internal import ArgumentParser
internal import Reprise

/// How fast a recording meets the world: for `replay --to ws://…` and `replay --serve`.
struct PlaybackOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Times faster than recorded, such as 10 or 0.5, or max. For --to ws://… and --serve.", valueName: "speed"),
        transform: { try PlaySpeed(parsing: $0) })
    var speed = PlaySpeed(factor: 1)

    /// The one session to play.
    func session(_ choice: SessionChoice, _ range: RangeOptions, of log: EventLog) throws -> Session {
        guard choice != .all else { throw ValidationError("one session at a time: --session latest, or its number") }
        guard range.from == nil else { throw ValidationError("a session is driven from its start: leave out --from") }
        guard let session = try choice.sessions(of: log).first else {
            throw CommandEnd(status: .couldNotRun, message: "the log in \(log.path) has no session yet")
        }
        return session
    }
}
