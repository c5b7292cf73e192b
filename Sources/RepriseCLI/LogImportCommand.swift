internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log import`.
struct LogImportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Make a new log from exported lines.",
        discussion: """
            Reads what `log export` wrote, from standard input or a file. The folder must not hold a log yet. The new \
            log has an identity of its own and the same digests. It appears in the folder when it is whole: a failed \
            import leaves nothing, a killed one a folder `import-…` that may be deleted.

            With --har, the log is made from what a browser's network panel saved (_webSocketMessages): one session, a \
            connection for each WebSocket. A message takes the route that --config, or the default, gives it, and stands \
            where what it delivers was received; what else was received stands as a post to that connection. If the routes \
            do not give what was received, as with another kind of server, messages are recorded without deliveries \
            (route $default=record) and everything that was received is a post. So the connection's transcript is what the \
            browser saw, in its order. The file is read into memory.

            Examples:
              reprise log import new-data < recording.jsonl
              reprise log import --data new-data --input recording.jsonl
              reprise log import --data new-data --har localhost.har
            """
    )

    @OptionGroup var data: DataOptions

    @Option(help: ArgumentHelp("Read this file, not standard input.", valueName: "file"))
    var input: String?

    @Option(help: ArgumentHelp("Read this HAR, not exported lines.", valueName: "file"))
    var har: String?

    @Option(help: ArgumentHelp("YAML file of `serve` whose routes decide messages of a HAR.", valueName: "file"))
    var config: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    func validate() throws {
        if har != nil, input != nil { throw ValidationError("--har and --input are two files: give one") }
        if config != nil, har == nil {
            throw ValidationError("--config goes with --har: exported lines have their routes")
        }
    }

    func run() throws {
        let id = LogID(rawValue: UInt64.random(in: .min ... .max))
        var session: HARSession?
        let report: LogImport.Report
        if let har {
            let made = try HARSession(try HARFile(path: har), routes: try routes())
            report = try importEvents(made.events, as: id)
            session = made
        } else {
            report = try importLines(as: id)
        }
        try print(report, session, id)
    }

    private func routes() throws -> RouteTable {
        try config.map(RulesFile.routes) ?? .default
    }

    private func importEvents(_ events: [Event], as id: LogID) throws -> LogImport.Report {
        var log = try LogImport(into: data.path, id: id)
        for event in events {
            var line = ByteBuffer()
            EventJSON.append(event, to: &line)
            line.writeString("\n")
            try log.append(line)
        }
        return try log.finish()
    }

    private func importLines(as id: LogID) throws -> LogImport.Report {
        let file = try InputFile(path: input ?? "-")
        var log = try LogImport(into: data.path, id: id)
        while true {
            var piece = ByteBuffer()
            guard try file.read(into: &piece) else { return try log.finish() }
            try log.append(piece)
        }
    }

    private func print(_ report: LogImport.Report, _ session: HARSession?, _ id: LogID) throws {
        var output = StandardOutput()
        if json {
            output.buffer.beginJSON()
            output.buffer.writeJSON("data", data.path)
            output.buffer.writeJSON("logId", id.description)
            output.buffer.writeJSON("events", report.events)
            output.buffer.writeJSON("sessions", report.sessions)
            output.buffer.writeJSON("digest", HexDigest(rawValue: report.digest.value).description)
            output.buffer.writeJSON("memberSet", HexDigest(rawValue: report.memberSet).description)
            if let session {
                output.buffer.writeJSON("connections", UInt64(session.connections))
                output.buffer.writeJSON("ignored", UInt64(session.ignored))
                output.buffer.writeJSONKey("explained")
                output.buffer.writeString(session.isExplained ? "true" : "false")
            }
            output.buffer.endJSON()
            try output.endLine()
        } else {
            try output.print(
                "\(report.events)  imported to here: sessions \(report.sessions), events \(report.events), "
                    + "into \(data.path)")
            if let session {
                try output.print(
                    "\(report.events)  of \(session.connections) WebSockets, "
                        + (session.isExplained
                            ? "whose routes give what was received"
                            : "whose messages are only recorded: the routes do not give what was received")
                        + (session.ignored > 0 ? "; left out as no messages: \(session.ignored)" : ""))
            }
        }
        try output.flush()
    }
}
