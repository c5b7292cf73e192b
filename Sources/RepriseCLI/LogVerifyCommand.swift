internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log verify`.
struct LogVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Check that the log is what was written.",
        discussion: """
            Walks the whole log once: the chain of hashes, gapless positions, known kinds, one open and one close for \
            every connection, sessions that nest, times that never go back; then what is derived from the events: the \
            catalogue, the connections, checkpoints and snapshots. Digests of deliveries are checked by `replay`.

            Exit codes: 0 sound; 1 could not run; 3 damaged, with the first damaged position.

            Examples:
              reprise log verify
              reprise log verify /var/lib/reprise --json
            """
    )

    @OptionGroup var data: DataOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let log = try data.openLog()
        var output = StandardOutput()
        let started = ContinuousClock.now
        do {
            var progress = Progress("verifying", through: try log.tail().position)
            var verifier = try LogVerifier(log)
            let report = try verifier.run { progress.note($0) }
            progress.clear()
            if json {
                appendJSON(report, nil, ContinuousClock.now - started, to: &output.buffer)
                try output.endLine()
            } else {
                try printLines(report, to: &output)
            }
            try output.flush()
        } catch let error as LogError where error.isDamage {
            if json {
                appendJSON(nil, error, ContinuousClock.now - started, to: &output.buffer)
                try output.endLine()
                try output.flush()
            }
            throw error
        }
    }

    private func printLines(_ report: VerifyReport, to output: inout StandardOutput) throws {
        try output.print("\(report.last)  sound to here: sessions \(report.sessions), events \(report.events)")
        try output.print(
            "\(report.last)  \(report.connections) connections, \(report.openConnections) of them open; "
                + "\(report.checkpoints) checkpoints, \(report.snapshots) snapshots")
    }

    private func appendJSON(
        _ report: VerifyReport?, _ damage: LogError?, _ elapsed: Duration, to buffer: inout ByteBuffer
    ) {
        buffer.beginJSON()
        if let report {
            buffer.writeJSON("firstPosition", report.first?.rawValue)
            buffer.writeJSON("lastPosition", report.last.rawValue)
            buffer.writeJSON("events", report.events)
            buffer.writeJSON("sessions", UInt64(report.sessions))
            buffer.writeJSON("connections", UInt64(report.connections))
            buffer.writeJSON("openConnections", UInt64(report.openConnections))
            buffer.writeJSON("checkpoints", UInt64(report.checkpoints))
            buffer.writeJSON("snapshots", UInt64(report.snapshots))
        }
        buffer.writeJSONKey("damage")
        if let damage {
            buffer.beginJSON()
            switch damage {
            case .damaged(let position, let reason):
                buffer.writeJSON("position", position.rawValue)
                buffer.writeJSON("reason", reason)
            case .derivedDamaged(let table, let key, let reason):
                buffer.writeJSON(table == "sessions" ? "session" : "position", key)
                buffer.writeJSON("table", table)
                buffer.writeJSON("reason", reason)
            default:
                buffer.writeJSONNull("position")
                buffer.writeJSON("reason", damage.description)
            }
            buffer.endJSON()
        } else {
            buffer.writeString("null")
        }
        buffer.writeJSON("seconds", ((elapsed / .seconds(1)) * 1e6).rounded() / 1e6)
        buffer.endJSON()
    }
}
