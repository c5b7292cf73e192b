internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise replay`.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Replay a session and verify it against its recording.",
        discussion: """
            The events are read from the log and given to the same engine that served them. Every route is decided \
            again and compared with the recorded one; the digests of deliveries and members are compared with every \
            checkpoint. The first difference is reported with its position.

            With --from, the replay starts after the last checkpoint before that place, whose digests it trusts; \
            differences before the place are not looked for. With --to, it stops after that place. Both only narrow \
            the chosen session.

            With --config, messages are decided again under another configuration, and what would have been delivered \
            differently is reported. With --against and --expect, this build is compared with another one, or with a \
            file that a build has written: event by event, down to the bytes of the frames.

            With --to ws://HOST:PORT/STAGE, the session is driven against a running server: its clients connect, send \
            and leave as recorded, its back ends post, and what every client receives must be what the log says, message \
            by message. A step is done when it is due (--speed) and its place in the order is certain: when what was \
            ordered before it has been seen. What the recording cut off or skipped for a slow client must come now. Ids in \
            error frames are compared with the new ones. The server must serve nobody else, and answer the management API \
            to this machine. The session is held in memory.

            With --serve, the session is played to whoever connects: what everyone was sent, or with --as what one \
            connection was sent, at the recorded pace times --speed, over the live path. What viewers send is ignored. \
            The management API tells where it stands (GET /STAGE/@replay) and steers it (POST, with any of \
            {"paused":true,"speed":4,"goto":"PLACE"}). It goes on until SIGINT; a scratch log in the temporary folder is \
            removed then.

            Exit codes: 0 no difference; 1 could not run; 2 the replay, or what it is compared with, differs; 3 the log is damaged.

            Examples:
              reprise replay                              the latest session in ./reprise-data
              reprise replay /var/lib/reprise --session all --json
              reprise replay --session 3 --to @2026-11-22T14:00:00Z
              reprise replay --config other.yaml          what would have been delivered differently?
              reprise replay --against build/old/reprise --session all
              reprise replay --write-expect session.trace, then: reprise replay --expect session.trace
              reprise replay --session 3 --to ws://127.0.0.1:8080/dev --speed 10
              reprise replay --serve --port 8081 --speed 10 --max-wait 2s
              curl -d '{"paused":true}' http://127.0.0.1:8081/dev/@replay
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions
    @OptionGroup(title: "Comparing") var comparison: CompareOptions
    @OptionGroup var playback: PlaybackOptions
    @OptionGroup var server: ReplayServerOptions

    @Option(
        help: ArgumentHelp("The session to replay: latest, all, or its number.", valueName: "session"),
        transform: { try SessionChoice(parsing: $0) })
    var session: SessionChoice = .latest

    @Flag(help: "Print one JSON object for each session.")
    var json = false

    func run() async throws {
        let log = try data.openLog()
        if let url = range.to?.server {
            let redrive = Redrive(url: url, speed: playback.speed.factor, json: json)
            return try redrive.run(try playback.session(session, range, of: log), of: log)
        }
        if server.serve {
            let replay = ReplayServer(options: server, speed: playback.speed.factor, json: json)
            return try await replay.run(try playback.session(session, range, of: log), of: log)
        }
        let bounds = try range.resolve(in: log)
        let chosen = try session.sessions(of: log)
        let sessions = chosen.filter { touches($0, bounds) }
        if let only = chosen.first, sessions.isEmpty { throw try outside(only, bounds, in: log) }
        if try await comparison.run(log, sessions, bounds, json: json) { return }
        var output = StandardOutput()
        var hasDiverged = false
        for session in sessions {
            let result = try await replay(session, of: log, bounds)
            hasDiverged = hasDiverged || result.report.divergence != nil
            if json { try result.printJSON(to: &output) } else { try result.printLines(to: &output) }
            try output.flush()
        }
        if hasDiverged { throw CommandEnd(status: .divergence, message: nil) }
    }

    private func replay(
        _ session: Session, of log: EventLog, _ bounds: (from: Position?, to: Position?)
    ) async throws(LogError) -> ReplayResult {
        let tail = try log.tail().position
        let end = min(bounds.to ?? tail, session.last ?? tail)
        var progress = Progress("replaying session \(session.id)", through: end)
        let started = ContinuousClock.now
        let replayer = try Replayer(log, session: session, from: bounds.from)
        let report = try await replayer.runReadingAhead(through: bounds.to) { _, plan, _ in progress.note(plan.last) }
        progress.clear()
        return ReplayResult(report: report, elapsed: ContinuousClock.now - started)
    }

    private func touches(_ session: Session, _ bounds: (from: Position?, to: Position?)) -> Bool {
        if let to = bounds.to, to < session.first { return false }
        if let from = bounds.from, let last = session.last, from > last { return false }
        return true
    }

    private func outside(
        _ session: Session, _ bounds: (from: Position?, to: Position?), in log: EventLog
    ) throws(LogError) -> CommandEnd {
        let positions = "positions \(session.first) to \(session.last?.description ?? "the end")"
        let place = bounds.from ?? bounds.to ?? .zero
        let holder = try log.sessions().last { $0.first <= place }
        let advice = holder.map { "; position \(place) is in session \($0.id): add --session \($0.id)" } ?? ""
        return CommandEnd(
            status: .couldNotRun, message: "the range does not touch session \(session.id), \(positions)\(advice)")
    }
}
