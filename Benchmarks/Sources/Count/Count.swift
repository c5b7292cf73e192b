// Runs every case and counts, without a clock: what `tools/count` checks. Each line of the output is a case: name,
// operations and allocations of one iteration, between tabs. Under callgrind, the instructions of the same iteration go
// to a file of their own.
//
//     Count [PART OF A NAME]

import CMeasure
import EngineCases

@main
enum Count {
    /// Until every buffer has its size.
    static let warmUpIterations = 20

    static func main() throws {
        let filter = CommandLine.arguments.dropFirst().first
        for item in Case.all where filter.map(item.name.contains) ?? true {
            let work = try item.work()
            for _ in 0..<warmUpIterations {
                try work.prepare()
                try work.run()
            }
            try work.prepare()
            measure_begin()
            try work.run()
            let allocations = measure_end()
            measure_publish(item.name)
            print(item.name, item.operations, allocations, separator: "\t")
        }
    }
}
