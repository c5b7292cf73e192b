internal import ArgumentParser
internal import Foundation
internal import NIOCore
internal import Reprise
internal import RepriseLoad

/// `reprise replay --to ws://…`: a session is driven against a running server.
struct Redrive {
    var url: String
    /// Times faster than recorded; nil for as fast as order allows.
    var speed: Double?
    var json: Bool

    /// - Throws: `CommandEnd` with `divergence` after a difference was printed.
    func run(_ session: Session, of log: EventLog) throws {
        guard url.hasPrefix("ws://") else {
            throw CommandEnd(
                status: .couldNotRun,
                message: "\(url) wants TLS, which is not supported yet: give the server's ws:// address")
        }
        let script = try RedriveScript(session, of: log)
        let report: RedriveReport
        do throws(LoadError) {
            var run = try RedriveRun(script, url: url, speed: speed)
            report = try run.run()
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "\(url): \(error)")
        }
        var output = StandardOutput()
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            output.buffer.writeBytes(try encoder.encode(report))
            try output.endLine()
        } else {
            for line in lines(report, session, script) { try output.print(line) }
        }
        try output.flush()
        if report.difference != nil { throw CommandEnd(status: .divergence, message: nil) }
    }

    private func lines(_ report: RedriveReport, _ session: Session, _ script: RedriveScript) -> [String] {
        let last = script.steps.last?.position ?? session.first.rawValue
        var lines = [
            "\(session.first)  session \(session.id), driven against \(report.url): \(report.connections) connections, "
                + "\(report.steps) steps, " + (report.speed.map { "\($0)x" } ?? "as fast as order allows")
        ]
        if let omitted = report.firstOmitted {
            lines.append("\(last)  \(report.omitted) events cannot be done again; the first: \(omitted)")
        }
        if let difference = report.difference {
            let connection = difference.connectionId.map { ", connection \($0)" } ?? ""
            lines.append("\(difference.position)  DIFFERS\(connection): \(difference.reason)")
            lines.append("\(difference.position)  expected  \(difference.expected?.description ?? "nothing")")
            lines.append("\(difference.position)  received  \(difference.received?.description ?? "nothing")")
        } else {
            lines.append("\(last)  no difference; received messages that agree: \(report.deliveriesCompared)")
        }
        lines.append(
            "\(last)  order  \(report.stepsThatWaited) of \(report.stepsDone) steps waited for what came before them, "
                + "\(rounded(report.secondsWaited)) s of \(rounded(report.seconds)) s")
        if let timing = report.timing {
            lines.append(
                "\(last)  times  offered \(rounded(timing.secondsOffered)) s, achieved \(rounded(report.seconds)) s; late "
                    + text(timing.lateness))
            lines.append("\(last)  gaps   offered  \(text(timing.offeredGaps))")
            lines.append("\(last)  gaps   achieved \(text(timing.achievedGaps))")
        }
        return lines
    }

    private func text(_ times: WorkloadReport.Percentiles) -> String {
        "p50 \(rounded(times.p50 / 1000)) ms  p99 \(rounded(times.p99 / 1000)) ms  max \(rounded(times.max / 1000)) ms"
    }

    private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }
}
