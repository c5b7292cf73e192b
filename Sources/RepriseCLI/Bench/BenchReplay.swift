internal import ArgumentParser
internal import Foundation
internal import Reprise
internal import RepriseLoad

/// `reprise bench replay`.
struct BenchReplay: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Measure how fast a recorded session is verified; or send it to a server again.",
        discussion: """
            Without --from, the session is replayed and verified --runs times, and the median is reported.

            With --from, the session's clients are played to the server at --url: they connect, send and leave when the \
            recording says, at --speed times its pace. The loop is open: what is late is counted as late, and latency \
            runs from the moment at which a message was meant to be sent until its sender has it back. What the \
            management API ordered is not sent.

            Exit codes: 0 done; 1 could not run; 2 the replay differs; 3 the log is damaged; 4 connections failed, or \
            messages did not come back.

            EXAMPLES
              reprise bench replay
              reprise bench replay /var/lib/reprise --session 3 --runs 9 --json
              reprise bench replay --from ./reprise-data --speed 4x --url ws://127.0.0.1:8080/dev
            """)

    @OptionGroup var data: DataOptions

    @Option(
        help: ArgumentHelp("The session: latest, or its number.", valueName: "session"),
        transform: { try SessionChoice(parsing: $0) })
    var session: SessionChoice = .latest

    @Option(help: "How often the session is verified.") var runs = 5
    @Option(help: ArgumentHelp("The data folder whose session is sent to --url.", valueName: "folder"))
    var from: String?
    @Option(
        help: ArgumentHelp("Times faster than recorded, such as 4x or 0.5x, or max.", valueName: "speed"),
        transform: { try PlaySpeed(parsing: $0) })
    var speed = PlaySpeed(factor: 1)
    @Option(help: "The server that the session is sent to.") var url: String?
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard runs > 0 else { throw ValidationError("--runs must be 1 or more") }
        guard session != .all else { throw ValidationError("one session at a time: --session latest, or its number") }
        guard (from == nil) == (url == nil) else {
            throw ValidationError("--from names the recording and --url the server: give both, or neither to verify")
        }
    }

    func run() async throws {
        if let from, let url {
            try play(from: from, to: url)
        } else {
            try await verify()
        }
    }

    private func verify() async throws {
        let log = try data.openLog()
        var results: [ReplayResult] = []
        for session in try session.sessions(of: log) {
            let end = try session.last ?? log.tail().position
            for run in 1...runs {
                var progress = Progress("run \(run) of \(runs)", through: end)
                let started = ContinuousClock.now
                let replayer = try Replayer(log, session: session)
                let report = try await replayer.runReadingAhead { _, plan, _ in progress.note(plan.last) }
                progress.clear()
                results.append(ReplayResult(report: report, elapsed: ContinuousClock.now - started))
            }
        }
        var output = StandardOutput()
        let bench = ReplayMeasurement(results)
        if json { try bench.printJSON(to: &output) } else { try bench.printLines(to: &output) }
        try output.flush()
        if results.contains(where: { $0.report.divergence != nil }) {
            throw CommandEnd(status: .divergence, message: nil)
        }
    }

    private func play(from folder: String, to url: String) throws {
        let log = try EventLog(path: folder, access: .read, newID: LogID(rawValue: 0))
        guard let session = try session.sessions(of: log).first else { return }
        let workload = try RecordedWorkload(session, of: log)
        let report: WorkloadReport
        do throws(LoadError) {
            var run = try WorkloadRun(workload, url: url, speed: speed.factor)
            report = try run.run()
        } catch .invalidPlan(let sentence) {
            throw ValidationError(sentence)
        } catch {
            throw CommandEnd(status: .couldNotRun, message: error.description)
        }
        print(json ? String(decoding: try JSONEncoder().encode(report), as: UTF8.self) : report.description)
        if let problem = report.problem {
            ExitStatus.complain(problem)
            throw ExitCode(4)
        }
    }
}
