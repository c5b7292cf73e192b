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

            With --speed 1, 10 or 0.5, each event is printed when it is due, with the number of connections that it \
            went to; the report at the end is that of --speed max. With --speed step, events are printed on command: \
            n(ext), c (next of a connection), b(ack), g(oto) PLACE, s(tate), h(elp), q(uit), from a terminal or a pipe. \
            --goto begins at a place, in the session that holds it, and --until stops after one.

            With --config, messages are decided again under another configuration, and what would have been delivered \
            differently is reported; a client whom its limits would have closed goes on as recorded. With --against and \
            --expect, this build is compared with another one, or with a file that a build has written: event by event, \
            down to the bytes of the frames.

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

            Exit codes: 0 no difference; 1 could not run; 2 the replay, or what it is compared with, differs; 3 the log is damaged; 130 or 143 a paced \
            or stepped replay was ended by SIGINT or SIGTERM, and what it found until then was reported.

            Examples:
              reprise replay                              the latest session in ./reprise-data
              reprise replay /var/lib/reprise --session all --json
              reprise replay --session 3 --to @2026-11-22T14:00:00Z
              reprise replay --speed 10 --max-wait 2s
              reprise replay --speed step --goto 1234
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
    @OptionGroup var pacing: PaceOptions
    @OptionGroup(title: "Comparing") var comparison: CompareOptions
    @OptionGroup(title: "Serving a recording") var server: ReplayServerOptions

    @Option(
        help: ArgumentHelp("The session to replay: latest, all, or its number.", valueName: "session"),
        transform: { try SessionChoice(parsing: $0) })
    var session: SessionChoice = .latest

    @Flag(help: "Print one JSON object for each session.")
    var json = false

    func validate() throws {
        if pacing.maxWait != nil, !pacing.keepsTime, !server.serve {
            throw ValidationError(
                "--max-wait is about a speed such as --speed 1; as fast as it goes, nothing is waited for")
        }
    }

    func run() async throws {
        let log = try data.openLog()
        if let url = range.to?.server {
            let redrive = Redrive(url: url, speed: try pacing.factor, json: json)
            return try redrive.run(try wholeSession(of: log), of: log)
        }
        if server.serve {
            let replay = ReplayServer(options: server, speed: try pacing.factor, waitMax: pacing.maxWait, json: json)
            return try await replay.run(try wholeSession(of: log), of: log)
        }
        let bounds = try pacing.narrow(range, in: log)
        let chosen = try pacing.sessions(session, of: log, bounds)
        let sessions = chosen.filter { touches($0, bounds) }
        if let only = chosen.first, sessions.isEmpty { throw try outside(only, bounds, in: log) }
        if try comparison.run(log, sessions, bounds, json: json) { return }
        var output = StandardOutput()
        var hasDiverged = false
        for session in sessions {
            let result = try await replay(session, of: log, bounds, to: &output)
            hasDiverged = hasDiverged || result.report.divergence != nil
            if json { try result.printJSON(to: &output) } else { try result.printLines(to: &output) }
            try output.flush()
            if StopSignal.number != nil { break }
        }
        if hasDiverged { throw CommandEnd(status: .divergence, message: nil) }
        if let number = StopSignal.number { throw ExitCode(128 + number) }
    }

    private func replay(
        _ session: Session, of log: EventLog, _ bounds: (from: Position?, to: Position?),
        to output: inout StandardOutput
    ) async throws -> ReplayResult {
        let started = ContinuousClock.now
        if pacing.pace == .step {
            var steps = try StepReplay(log, session: session, through: bounds.to, json: json)
            let report = try steps.run(from: bounds.from, to: &output)
            return ReplayResult(report: report, elapsed: ContinuousClock.now - started)
        }
        let tail = try log.tail().position
        let end = min(bounds.to ?? tail, session.last ?? tail)
        var replayer = try Replayer(log, session: session, from: bounds.from)
        var progress = ReplayProgress(session.id, first: replayer.report.first, last: end)
        let report: ReplayReport
        if case .paced(let speed) = pacing.pace {
            var paced = PacedReplay(speed: speed, waitMax: pacing.maxWait, json: json, progress: progress)
            try paced.run(&replayer, from: bounds.from, through: bounds.to, to: &output)
            report = replayer.report
        } else {
            report = try await replayer.runReadingAhead(through: bounds.to) { events, plan, _ in
                if let event = events.last { progress.note(plan.last, event.time) }
            }
            progress.clear()
        }
        return ReplayResult(report: report, elapsed: ContinuousClock.now - started)
    }

    /// The one session that is given to a server, or to viewers.
    private func wholeSession(of log: EventLog) throws -> Session {
        guard session != .all else { throw ValidationError("one session at a time: --session latest, or its number") }
        guard range.from == nil, pacing.goto == nil, pacing.until == nil else {
            throw ValidationError("a session is played from its start to its end: leave out --from, --goto and --until")
        }
        guard let chosen = try session.sessions(of: log).first else {
            throw CommandEnd(status: .couldNotRun, message: "the log in \(log.path) has no session yet")
        }
        return chosen
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
