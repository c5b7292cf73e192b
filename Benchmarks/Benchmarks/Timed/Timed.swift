// The cases as benchmarks of ordo-one/benchmark, for people: how long they take, and how that spreads.

import Benchmark
import CMeasure
import EngineCases

/// Allocations in one iteration, all its operations together. The package's own malloc counts read 0 without its traits.
private let allocations = BenchmarkMetric.custom("Allocations", polarity: .prefersSmaller, useScalingFactor: false)

let benchmarks: @Sendable () -> Void = {
    let configuration = Benchmark.Configuration(
        metrics: [.wallClock, allocations], warmupIterations: 20, maxDuration: .milliseconds(500))
    for item in Case.all {
        var made: Work?
        Benchmark(item.name, configuration: configuration) { benchmark in
            let work = try made ?? item.work()
            made = work
            try work.prepare()
            benchmark.startMeasurement()
            measure_begin()
            try work.run()
            let count = measure_end()
            benchmark.stopMeasurement()
            benchmark.measurement(allocations, Int(count))
        }
    }
}
