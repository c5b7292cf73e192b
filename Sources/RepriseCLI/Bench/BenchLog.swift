public import ArgumentParser
internal import Foundation
public import Reprise

/// `reprise bench log`.
struct BenchLog: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "log",
        abstract: "Append to a log and read it back, beside a C program that does the same with bare LMDB.",
        discussion: """
            Every cell commits batches of messages with 64-byte bodies to a new log in a temporary folder, through the \
            writer that a server uses, and then reads and checks them. The C program, the floor, takes turns with it: \
            records of the same size, the same batches, the same syncs, but nothing encoded, hashed or checked. Rates \
            are medians; a ratio is the median of the runs' own ratios, ours to the floor's.

            EXAMPLES
              make -C Benchmarks/Floor && reprise bench log
              reprise bench log --batch 64 --durability never --runs 9
              reprise bench log --data /mnt/disk --durability always,interval --json
            """)

    @Option(help: "Events in a transaction: a list.") var batch = CommaSeparated([1, 8, 64, 512, 1000])
    @Option(help: "When commits reach the disk: a list of always, interval (every 100 ms) and never.")
    var durability = CommaSeparated<RunState.Durability>([.always, .never])
    @Option(help: "Seconds of appending in a run.") var seconds = 1.0
    @Option(help: "Runs of each cell, ours and the floor's in turn.") var runs = 5
    @Option(help: "The folder in which temporary logs are made: it chooses the disk. (default: the system's)")
    var data: String?
    @Option(help: "The C program. (default: .build/floor/log, here or beside this executable)") var floor: String?
    @Flag(help: "Print one JSON object.") var json = false

    func validate() throws {
        guard batch.elements.allSatisfy({ $0 > 0 }) else { throw ValidationError("--batch takes numbers above 0") }
        guard seconds > 0 else { throw ValidationError("--seconds must be above 0") }
        guard runs > 0 else { throw ValidationError("--runs must be above 0") }
    }

    func run() throws {
        let floor = try LogFloor.find(floor)
        let parent = data ?? FileManager.default.temporaryDirectory.path
        var report = LogBenchmarkReport(seconds: seconds, runs: runs, floor: floor?.path)
        if !json {
            for line in report.heading { printLine(line) }
        }
        for durability in durability.elements {
            for batch in batch.elements {
                let cell = LogBenchmark(batch: batch, durability: durability, seconds: seconds)
                let row = try LogBenchmarkRow(cell, floor: floor, runs: runs, parent: parent)
                report.rows.append(row)
                if !json { printLine(row.line) }
            }
        }
        if json {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            printLine(String(decoding: try encoder.encode(report), as: UTF8.self))
        } else if floor == nil {
            printLine("no floor to compare with; build it with `make -C Benchmarks/Floor`, or name it with --floor")
        }
    }
}

extension RunState.Durability: ExpressibleByArgument {}
