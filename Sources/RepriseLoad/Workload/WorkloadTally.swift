/// What a run counts while it goes.
struct WorkloadTally {
    var connected = 0
    var connects = LatencyHistogram()
    var errors = 0
    var firstError: String?
    var sent = 0
    var lastSentAt = 0
    var lateness = LatencyHistogram()
    var lateSends = 0
    var latency = LatencyHistogram()
    var unanswered = 0
    var deliveries = 0

    /// Counts an error.
    mutating func note(_ error: String) {
        errors += 1
        if firstError == nil { firstError = error }
    }

    /// Counts a message that the kernel took, so many nanoseconds after it was due.
    mutating func noteSent(late nanoseconds: Int, at moment: Int) {
        sent += 1
        lastSentAt = moment
        lateness.record(nanoseconds)
        if nanoseconds > Int(WorkloadReport.lateAfterSeconds * 1e9) { lateSends += 1 }
    }
}

extension WorkloadRun {
    /// What was counted, as a report.
    func report() -> WorkloadReport {
        let seconds = Double(tally.lastSentAt) / 1e9
        return WorkloadReport(
            url: url, speed: pace.speed, connections: workload.connections, connected: tally.connected,
            connectionErrors: tally.errors, firstError: tally.firstError, messagesOffered: workload.messages,
            messagesSent: tally.sent, secondsOffered: pace.speed.map { Double(workload.duration) / 1e9 / $0 } ?? 0,
            seconds: seconds, lateness: pace.speed == nil ? nil : WorkloadReport.Percentiles(tally.lateness),
            lateSends: pace.speed == nil ? 0 : tally.lateSends, latency: WorkloadReport.Percentiles(tally.latency),
            unanswered: tally.unanswered, connects: WorkloadReport.Percentiles(tally.connects),
            deliveries: tally.deliveries, deliveriesPerSecond: seconds > 0 ? Double(tally.deliveries) / seconds : 0)
    }
}
