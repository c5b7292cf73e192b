internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log sessions`.
struct LogSessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List the sessions: one run of a server each.",
        discussion: """
            A session without an end runs, or crashed and was not recovered yet; `reprise serve` recovers it. A session \
            that was trimmed away as a whole is not listed.

            Examples:
              reprise log sessions
              reprise log sessions /var/lib/reprise --json
            """
    )

    @OptionGroup var data: DataOptions

    @Flag(help: "Print one JSON object for each session.")
    var json = false

    func run() throws {
        let log = try data.openLog()
        let sessions = try log.sessions()
        let end = try log.tail().position
        let cut = try log.cut()?.position ?? .zero
        var output = StandardOutput()
        for session in sessions {
            let events = (session.last ?? end).rawValue - session.first.rawValue + 1
            if json {
                append(session, events, trimmedThrough: cut, to: &output.buffer)
                try output.endLine()
            } else {
                let ended = session.endedAt.map { "to \($0.iso8601(fractionDigits: 3))" } ?? "still open"
                let cause = session.cause.map { "  \($0.word)" } ?? ""
                let trimmed = cut < session.first ? "" : "  from \(session.first), trimmed through \(cut)"
                try output.print(
                    "\(max(session.first, cut.next))  session \(session.id)  \(session.startedAt.iso8601(fractionDigits: 3)) \(ended)"
                        + "  \(events) events to \(session.last ?? end)\(cause)\(trimmed)")
            }
        }
        try output.flush()
    }

    private func append(
        _ session: Session, _ events: UInt64, trimmedThrough cut: Position, to buffer: inout ByteBuffer
    ) {
        buffer.beginJSON()
        buffer.writeJSON("session", session.id.rawValue)
        buffer.writeJSON("firstPosition", session.first.rawValue)
        buffer.writeJSON("lastPosition", session.last?.rawValue)
        buffer.writeJSON("events", events)
        buffer.writeJSON("trimmedThrough", cut < session.first ? nil : cut.rawValue)
        buffer.writeJSON("startedAt", session.startedAt)
        if let endedAt = session.endedAt, let cause = session.cause {
            buffer.writeJSON("endedAt", endedAt)
            buffer.writeJSON("cause", cause.word)
        } else {
            buffer.writeJSONNull("endedAt")
            buffer.writeJSONNull("cause")
        }
        buffer.endJSON()
    }
}
