internal import ArgumentParser

/// `reprise bench`.
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Measure, and prove what was measured.",
        subcommands: [BenchFanout.self, BenchLog.self, BenchReplay.self, BenchReport.self])
}
