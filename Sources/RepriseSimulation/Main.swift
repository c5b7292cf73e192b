// The simulator as a program; `tools/sim` builds it and calls it.
//
//   RepriseSimulation SEED [--trace]                            one run, twice: it must come to the same
//   RepriseSimulation --first N --count N [--keep-going]        that many seeds; the last line is their sum, for machines
//
// A process runs some dozens of seeds and no more: a server that is killed keeps its descriptors, as nothing of it is taken apart.

internal import Glibc

@main
struct Simulator {
    static func main() {
        guard let options = Options(CommandLine.arguments.dropFirst()) else {
            print("usage: RepriseSimulation SEED [--trace] | --first SEED --count COUNT [--keep-going]")
            exit(64)
        }
        let holds = options.seed.map { repeatRun($0, trace: options.traces) } ?? runMany(options)
        exit(holds ? 0 : 2)
    }

    /// One seed, twice.
    private static func repeatRun(_ seed: UInt64, trace: Bool) -> Bool {
        do {
            let outcome = try Simulation(seed: seed, trace: trace).run()
            let again = try Simulation(seed: seed).run()
            print("seed \(seed): everything holds; \(outcome)")
            if again.hash != outcome.hash { print("seed \(seed): the second run came to something else; \(again)") }
            return again.hash == outcome.hash
        } catch {
            print("seed \(seed): \(error)")
            return false
        }
    }

    private static func runMany(_ options: Options) -> Bool {
        var total = Outcome(hash: 0)
        var failures = 0
        for seed in options.first..<options.first + options.count where failures == 0 || options.keepsGoing {
            do {
                total.add(try Simulation(seed: seed).run())
            } catch {
                failures += 1
                print("seed \(seed): \(error)")
                fflush(nil)
            }
        }
        print(total.row(failures: failures))
        return failures == 0
    }
}

/// What the command line says.
private struct Options {
    var seed: UInt64?
    var traces = false
    var first: UInt64 = 1
    var count: UInt64 = 1
    var keepsGoing = false

    init?(_ arguments: ArraySlice<String>) {
        guard !arguments.isEmpty else { return nil }
        var arguments = arguments
        while let argument = arguments.popFirst() {
            switch argument {
            case "--trace": traces = true
            case "--keep-going": keepsGoing = true
            case "--first", "--count":
                guard let number = arguments.popFirst().flatMap({ UInt64($0) }) else { return nil }
                if argument == "--first" { first = number } else { count = number }
            default:
                guard seed == nil, let number = UInt64(argument) else { return nil }
                seed = number
            }
        }
    }
}
