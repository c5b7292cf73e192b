internal import Foundation
internal import Reprise

/// The C program that `reprise bench log` is compared with, `Benchmarks/Floor/log.c`.
struct LogFloor {
    /// Where it is.
    var path: String

    /// What one run of it measured.
    struct Rates: Decodable {
        /// Records committed per second.
        var appendsPerSecond: Double
        /// Records per second that a cursor went over.
        var scanPerSecond: Double
    }

    /// The program at `path`, or where a build puts it: `.build/floor/log` under the working folder, or beside the
    /// build folder's executables.
    ///
    /// - Returns: `nil` when no path is given and nothing was built.
    /// - Throws: `CommandEnd` when a path is given and there is no program.
    static func find(_ path: String?) throws -> LogFloor? {
        let files = FileManager.default
        if let path {
            guard files.isExecutableFile(atPath: path) else {
                throw CommandEnd(
                    status: .couldNotRun,
                    message: "there is no program at \(path); build it with `make -C Benchmarks/Floor`")
            }
            return LogFloor(path: path)
        }
        var places = [".build/floor/log"]
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        while folder.pathComponents.count > 1 {
            folder.deleteLastPathComponent()
            places.append(folder.appendingPathComponent("floor/log").path)
        }
        return places.first(where: files.isExecutableFile(atPath:)).map(LogFloor.init(path:))
    }

    /// Runs the program on `folder`, which must be empty.
    func run(_ cell: LogBenchmark, in folder: String) throws -> Rates {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = [
            folder, "\(cell.batch)", "\(cell.seconds)", cell.durability.rawValue, "\(LogBenchmark.recordBytes)",
        ]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let answer = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0, let rates = try? JSONDecoder().decode(Rates.self, from: answer) else {
            throw CommandEnd(
                status: .couldNotRun, message: "\(path) failed with status \(process.terminationStatus)")
        }
        return rates
    }
}
