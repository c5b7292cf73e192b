internal import ArgumentParser

/// `reprise log`: everything that reads a log without replaying it, and `import`, which makes one.
struct LogCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Look into a log, check it, move it.",
        discussion: """
            Every line that these commands print begins with a position, which can be given to --from, --to and to \
            other commands. The data folder is given with --data or as the last argument; it may be in use by a server.
            """,
        subcommands: [
            LogSessionsCommand.self, LogShowCommand.self, LogStateCommand.self, LogTranscriptCommand.self,
            LogExplainCommand.self, LogDiffCommand.self, LogStatsCommand.self, LogExportCommand.self,
            LogImportCommand.self, LogVerifyCommand.self, LogTrimCommand.self, LogBackupCommand.self,
        ]
    )
}
