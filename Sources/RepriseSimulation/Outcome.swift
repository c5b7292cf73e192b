internal import Reprise

/// What runs came to.
struct Outcome: CustomStringConvertible {
    /// Of one run: the same for the same seed and the same build, whatever the machine.
    var hash: UInt64
    var runs = 0
    /// Tasks of the server's loops.
    var tasks = 0
    var events = 0
    /// Deliveries that clients were sent in full.
    var deliveries = 0
    /// How often the process died, or the machine did.
    var crashes = 0
    /// Crashes before a server had taken up its log again.
    var crashesInRecovery = 0

    init(hash: UInt64) { self.hash = hash }

    mutating func add(_ other: Outcome) {
        runs += 1
        tasks += other.tasks
        events += other.events
        deliveries += other.deliveries
        crashes += other.crashes
        crashesInRecovery += other.crashesInRecovery
    }

    var description: String {
        "state \(HexDigest(rawValue: hash)), \(tasks) tasks, \(events) events, \(deliveries) deliveries, "
            + "\(crashes) crashes, \(crashesInRecovery) within recoveries"
    }

    /// A line of numbers, which `tools/sim` adds up.
    func row(failures: Int) -> String {
        let numbers = [failures, runs, tasks, events, deliveries, crashes, crashesInRecovery]
        return "sum" + numbers.map { "\t\($0)" }.joined()
    }
}
