internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log backup`.
struct LogBackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Copy a log, also that of a running server.",
        discussion: """
            The copy has the same identity, positions and digests, up to the end that the log has when the copy begins; \
            pages that a trim has freed are left out. The new folder appears when it is whole and synced; until then it \
            is FOLDER.partial, which a killed backup leaves behind. The server goes on meanwhile, and no old pages are \
            held up: it is read in small pieces.

            `reprise log verify`, `reprise replay` and `reprise serve` take the copy as they take the original. The \
            session that ran looks as after a crash: `serve` ends it truthfully.

            Examples:
              reprise log backup /backup/reprise-monday
              reprise log backup /backup/reprise-monday --data /var/lib/reprise --json
            """
    )

    @Argument(help: ArgumentHelp("The new folder; it must not exist.", valueName: "folder"))
    var folder: String

    @OptionGroup var data: DataOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let log = try data.openLog()
        var progress: Progress?
        let report = try LogBackup.copy(log, to: folder) { position, end in
            if progress == nil { progress = Progress("copying", through: end) }
            progress?.note(position)
        }
        progress?.clear()
        var output = StandardOutput()
        if json {
            output.buffer.beginJSON()
            output.buffer.writeJSON("data", folder)
            output.buffer.writeJSON("logId", log.id.description)
            output.buffer.writeJSON("firstPosition", report.first?.rawValue)
            output.buffer.writeJSON("lastPosition", report.last.rawValue)
            output.buffer.writeJSON("events", report.events)
            output.buffer.writeJSON("digest", HexDigest(rawValue: report.digest).description)
            output.buffer.writeJSON("memberSet", HexDigest(rawValue: report.memberSet).description)
            output.buffer.writeJSON("fileBytes", UInt64(report.bytes))
            output.buffer.endJSON()
            try output.endLine()
        } else {
            try output.print(
                "\(report.last)  copied to here: events \(report.events), bytes \(report.bytes), into \(folder)")
            try output.print(
                "\(report.last)  D \(HexDigest(rawValue: report.digest)) M \(HexDigest(rawValue: report.memberSet))")
        }
        try output.flush()
    }
}
