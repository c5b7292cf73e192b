// The command `reprise`: one file per subcommand. What they share: exit codes and error lines (`ExitStatus`), the
// data folder (`DataOptions`), ranges (`RangeOptions`), output (`StandardOutput`).

internal import ArgumentParser
internal import Glibc
internal import Reprise

/// The root command.
@main
struct RepriseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise",
        abstract: "An event-sourced WebSocket broadcast engine with replay.",
        discussion: """
            Every connect, disconnect and message is appended to a log; who is live and what is delivered is derived \
            from it. So any session can be replayed exactly.

            Exit codes: 0 done, and what was checked holds; 1 could not run; 2 divergence; 3 the log is damaged; \
            4 a threshold missed; 64 usage.
            """,
        version: BuildInfo.version,
        subcommands: [ServeCommand.self, ReplayCommand.self, LogCommand.self, BenchCommand.self]
    )

    /// Parses and runs, with our own way to report errors: one line, and an exit code that says what kind it was.
    static func main() async {
        StandardStream.openMissing()
        // A reader that stops, as `| head` does, is reported by `write` and ends the command quietly.
        _ = signal(SIGPIPE, SIG_IGN)
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            ExitStatus.exit(reporting: error)
        }
    }
}
