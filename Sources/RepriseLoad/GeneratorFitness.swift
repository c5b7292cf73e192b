/// Whether the generator itself was fit to measure: what it got of the machine, and whether it kept its own times.
struct GeneratorFitness: Equatable {
    /// Above this share of late sends an open-loop run is not valid.
    static let lateShareMax = 0.01
    /// Above this share of time without a CPU a run is not valid.
    static let starvedShareMax = 0.1
    /// Above this share of a CPU the generator was the limit.
    static let cpuShareMax = 0.95

    /// Messages sent, refused ones included.
    var messages = 0
    /// Messages that left late by the generator's own fault.
    var lateSends = 0
    /// CPU seconds divided by seconds.
    var cpuShare: Double = 0
    /// Share of the time in which it had work and no CPU.
    var starvedShare: Double = 0

    /// The rules that failed, a sentence each.
    var failedRules: [String] {
        var rules: [String] = []
        if Double(lateSends) > Self.lateShareMax * Double(messages) {
            rules.append(
                "\(lateSends) of \(messages) messages left more than 5 ms after their intended time"
                    + (cpuShare > Self.cpuShareMax ? ": the generator was the limit." : "."))
        }
        if starvedShare > Self.starvedShareMax {
            let percent = Int((starvedShare * 100).rounded())
            rules.append("The generator was without a CPU in \(percent) % of the time: it was starved.")
        }
        return rules
    }

    /// What a reader should know although no rule failed.
    var notes: [String] {
        cpuShare > Self.cpuShareMax
            ? ["The generator used its whole CPU: it was the limit, and the server may be faster than this figure."]
            : []
    }
}
