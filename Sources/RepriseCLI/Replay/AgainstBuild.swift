internal import Foundation
internal import NIOCore
internal import Reprise

/// Another build of `reprise`, run on the same log.
struct AgainstBuild {
    /// Its binary.
    var path: String

    /// Compares what both make of each session.
    ///
    /// - Throws: `CommandEnd`: 2 where they differ, 1 where the other build cannot be run or fails.
    func compare(_ log: EventLog, _ sessions: [Session], json: Bool) throws {
        guard try output(["replay", "--help"]).contains("--trace") else {
            throw CommandEnd(
                status: .couldNotRun,
                message: "\(path) cannot trace a replay: it is no reprise, or older than --trace; compare the digests "
                    + "that `replay --json` of both prints")
        }
        for session in sessions {
            let process = try start(["replay", "--trace", "--data", log.path, "--session", "\(session.id)"])
            defer {
                if process.isRunning { process.terminate() }
                process.waitUntilExit()
            }
            guard let pipe = process.standardOutput as? Pipe else { return }
            var comparison = TraceComparison(
                LineReader(InputFile(pipe.fileHandleForReading.fileDescriptor, name: path)))
            try comparison.run(log, [session])
            let hasEnded = comparison.first.map { $0.expected == nil } ?? true
            if hasEnded {  // a build that failed differs in nothing
                process.waitUntilExit()
                guard process.terminationStatus == 0 else {
                    throw CommandEnd(
                        status: .couldNotRun, message: "\(path) ended with exit code \(process.terminationStatus)")
                }
            }
            try comparison.finish(names: (path, "this build"), json: json)
        }
    }

    /// Everything that a run prints on standard output.
    private func output(_ arguments: [String]) throws -> String {
        let process = try start(arguments)
        let data = try (process.standardOutput as? Pipe)?.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self)
    }

    private func start(_ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = Pipe()
        do {
            try process.run()
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "cannot run \(path): \(error.localizedDescription)")
        }
        return process
    }
}
