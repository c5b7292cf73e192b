// What `reprise bench log` prints: a table for people, or one object for machines.

internal import Foundation
internal import Reprise
internal import RepriseLoad

/// All cells, and what they were measured on.
struct LogBenchmarkReport: Encodable {
    /// The cells, in the order of the command line.
    var rows: [LogBenchmarkRow] = []
    /// Seconds of appending in a run.
    var seconds: Double
    /// Runs of each cell.
    var runs: Int
    /// Bytes of a record.
    var recordBytes = LogBenchmark.recordBytes
    /// Where the C program is; `nil` when there was none.
    var floor: String?
    /// The version of this build.
    var version = BuildInfo.version
    /// The computer.
    var machine = Machine.current()

    init(seconds: Double, runs: Int, floor: String?) {
        self.seconds = seconds
        self.runs = runs
        self.floor = floor
    }

    /// What people read above the rows.
    var heading: [String] {
        [
            "\(recordBytes)-byte records; medians of \(runs) runs of \(seconds) s; "
                + "\(machine.cpu), \(machine.cores) cores, \(machine.kernel)",
            LogBenchmarkRow.line([
                "durability", "batch", "appends/s", "C", "ratio", "checked reads/s", "C scan",
            ]),
        ]
    }
}

/// One cell's medians.
struct LogBenchmarkRow: Encodable {
    /// Events in a transaction.
    var batch: Int
    /// When commits reached the disk.
    var durability: String
    /// Events committed per second.
    var appendsPerSecond: Double
    /// Events read, checked and decoded per second.
    var readsPerSecond: Double
    /// What the C program appended; `nil` without one.
    var floorAppendsPerSecond: Double?
    /// What the C program's cursor went over, looking at one byte of each; `nil` without one.
    var floorScanPerSecond: Double?
    /// The median of the runs' `appendsPerSecond` to the floor's.
    var ratio: Double?

    /// Measures a cell, ours and the floor's in turn.
    init(_ cell: LogBenchmark, floor: LogFloor?, runs: Int, parent: String) throws {
        var ours: [LogBenchmark.Rates] = []
        var floors: [LogFloor.Rates] = []
        for _ in 0..<runs {
            ours.append(try ScratchFolder.use(in: parent) { try cell.run(in: $0) })
            if let floor { floors.append(try ScratchFolder.use(in: parent) { try floor.run(cell, in: $0) }) }
        }
        batch = cell.batch
        durability = cell.durability.rawValue
        appendsPerSecond = ours.map(\.appendsPerSecond).median.rounded()
        readsPerSecond = ours.map(\.readsPerSecond).median.rounded()
        guard floor != nil else { return }
        floorAppendsPerSecond = floors.map(\.appendsPerSecond).median
        floorScanPerSecond = floors.map(\.scanPerSecond).median
        let ratios = zip(ours, floors).map { $0.appendsPerSecond / $1.appendsPerSecond }
        ratio = (ratios.median * 1000).rounded() / 1000
    }

    /// The row of the table.
    var line: String {
        func count(_ rate: Double?) -> String { rate.map { "\(Int($0))" } ?? "" }
        return LogBenchmarkRow.line([
            durability, "\(batch)", count(appendsPerSecond), count(floorAppendsPerSecond),
            ratio.map { String(format: "%.2f", $0) } ?? "", count(readsPerSecond), count(floorScanPerSecond),
        ])
    }

    static func line(_ columns: [String]) -> String {
        let widths = [10, 6, 11, 11, 6, 16, 11]
        return zip(columns, widths).enumerated().map { index, column in
            let padding = String(repeating: " ", count: max(0, column.1 - column.0.count))
            return index == 0 ? column.0 + padding : padding + column.0
        }.joined(separator: " ")
    }
}

extension [Double] {
    /// The middle one, or the mean of the two in the middle. Not for an empty array.
    fileprivate var median: Double {
        let sorted = sorted()
        return (sorted[(count - 1) / 2] + sorted[count / 2]) / 2
    }
}
