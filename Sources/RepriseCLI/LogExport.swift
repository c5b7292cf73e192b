internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log export`.
struct LogExportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Write events as JSON Lines, one event a line.",
        discussion: """
            The export of a whole log can be imported again and gives the same digests; a part of one is for reading. \
            A damaged log is exported up to the damage, then the command ends with 3.

            With --redact the recording can be shown to others: ids, addresses, hosts and principals become pseudonyms, \
            payloads placeholders of the same length that keep the structure of JSON; query strings, values of headers \
            and close reasons are overwritten. It still replays to the same routes, refusals and recipients. What \
            stays: times, lengths, routes, stage, and in payloads true, false, null, slashes and the members that route \
            selection reads. Pseudonyms of two exports agree when both are given the same --redact-key; without it, a \
            key is drawn and forgotten.

            With --har, the connections that were opened in the range are written as a HAR, which a browser's network \
            panel imports: an entry for each, with what it sent and what it was sent.

            Examples:
              reprise log export > recording.jsonl
              reprise log export --redact > for-the-bug-report.jsonl
              reprise log export --session 3 -o session-3.jsonl
              reprise log export old-data | reprise log import new-data
              reprise log export --session latest --har -o session.har
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions

    @Option(
        help: ArgumentHelp("Only this session: latest, or its number.", valueName: "session"),
        transform: { try SessionChoice(parsing: $0) })
    var session: SessionChoice = .all

    @Option(name: [.short, .long], help: ArgumentHelp("Write to this file.", valueName: "file"))
    var output: String?

    @OptionGroup var redaction: RedactOptions
    @Flag(help: "Write a HAR for a browser's network panel.")
    var har = false

    @Flag(help: "Has no effect: an export is JSON Lines anyway.")
    var json = false

    func validate() throws {
        guard !har || !redaction.redact else {
            throw ValidationError("a HAR is not redacted: export --redact, import that, and export it with --har")
        }
    }

    func run() throws {
        let log = try data.openLog()
        var (first, last) = try range.resolve(in: log)
        if session != .all, let chosen = try session.sessions(of: log).first {
            first = max(first ?? chosen.first, chosen.first)
            if let end = chosen.last { last = min(last ?? end, end) }
        }
        var redaction = try redaction.redaction(of: log, from: first)
        var file = try output.map { try StandardOutput(file: $0) } ?? StandardOutput()
        if har {
            guard let start = try log.firstPosition() else { throw PlaceError.emptyLog }
            let (first, last) = (max(first ?? start, start), try last ?? log.tail().position)
            return try HARWriter(log: log, range: first...last).write(to: &file)
        }
        try log.walk(from: first, through: last) { event in
            EventJSON.append(redaction?.redact(event) ?? event, to: &file.buffer)
            try file.endLine()
            return true
        } onDamage: {
            try file.flush()
        }
        try file.flush()
    }
}
