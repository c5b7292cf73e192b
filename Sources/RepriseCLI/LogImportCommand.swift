internal import ArgumentParser
internal import Glibc
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

            Examples:
              reprise log import new-data < recording.jsonl
              reprise log import --data new-data --input recording.jsonl
            """
    )

    @OptionGroup var data: DataOptions

    @Option(help: ArgumentHelp("Read this file, not standard input.", valueName: "file"))
    var input: String?

    @Flag(help: "Print one JSON object.")
    var json = false

    private static let pieceBytes = 1 << 20

    func run() throws {
        var descriptor = STDIN_FILENO
        if let input {
            descriptor = unsafe open(input, O_RDONLY | O_CLOEXEC)
            if descriptor < 0 { throw failure(input) }
        }
        let id = LogID(rawValue: UInt64.random(in: .min ... .max))
        let report = try importLines(from: descriptor, as: id)
        var output = StandardOutput()
        if json {
            output.buffer.beginJSON()
            output.buffer.writeJSON("data", data.path)
            output.buffer.writeJSON("logId", id.description)
            output.buffer.writeJSON("events", report.events)
            output.buffer.writeJSON("sessions", report.sessions)
            output.buffer.writeJSON("digest", HexDigest(rawValue: report.digest.value).description)
            output.buffer.writeJSON("memberSet", HexDigest(rawValue: report.memberSet).description)
            output.buffer.endJSON()
            try output.endLine()
        } else {
            try output.print(
                "\(report.events)  imported to here: sessions \(report.sessions), events \(report.events), "
                    + "into \(data.path)")
        }
        try output.flush()
    }

    private func importLines(from descriptor: Int32, as id: LogID) throws -> LogImport.Report {
        var log = try LogImport(into: data.path, id: id)
        while true {
            var bytes = ByteBuffer()
            let count = try unsafe bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: LogImportCommand.pieceBytes)
            {
                let count = unsafe read(descriptor, $0.baseAddress, $0.count)
                if count < 0, errno != EINTR { throw failure(input ?? "standard input") }
                return max(0, count)
            }
            if count == 0 { return try log.finish() }
            try log.append(bytes)
        }
    }

    private func failure(_ name: String) -> CommandEnd {
        CommandEnd(status: .couldNotRun, message: "cannot read \(name): \(unsafe String(cString: strerror(errno)))")
    }
}
