internal import NIOCore
internal import Reprise

/// Several verifications of one session, all in the same process.
struct ReplayMeasurement {
    private let results: [ReplayResult]
    /// The run with the median duration; of two in the middle the slower one.
    private let median: ReplayResult

    /// - Precondition: there is at least one result.
    init(_ results: [ReplayResult]) {
        self.results = results
        median = results.sorted { $0.elapsed < $1.elapsed }[results.count / 2]
    }

    private var report: ReplayReport { median.report }
    private var divergence: Divergence? { results.lazy.compactMap(\.report.divergence).first }
    private var megabytesPerSecond: Double {
        median.seconds > 0 ? (Double(report.recordBytes) / median.seconds / 1e4).rounded() / 100 : 0
    }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSON("session", report.session.rawValue)
        output.buffer.writeJSON("events", report.counts.events)
        output.buffer.writeJSON("deliveries", report.deliveries)
        output.buffer.writeJSON("digest", HexDigest(rawValue: report.digest).description)
        output.buffer.writeJSON("checkpointsVerified", UInt64(report.checkpointsVerified))
        output.buffer.writeJSONKey("verified")
        output.buffer.writeString(divergence == nil ? "true" : "false")
        output.buffer.writeJSONKey("divergedAt")
        output.buffer.writeString(divergence.map { $0.position.description } ?? "null")
        output.buffer.writeJSON("runs", UInt64(results.count))
        output.buffer.writeJSON("seconds", (median.seconds * 1e6).rounded() / 1e6)
        output.buffer.writeJSON("eventsPerSecond", median.eventsPerSecond)
        output.buffer.writeJSON("megabytesPerSecond", megabytesPerSecond)
        output.buffer.endJSON()
        try output.endLine()
    }

    func printLines(to output: inout StandardOutput) throws {
        let rates = results.map(\.eventsPerSecond).sorted()
        try output.print(
            "session     \(report.session): \(report.counts.events) events, \(report.deliveries) deliveries")
        try output.print(
            "verified    \(UInt64(median.eventsPerSecond)) events/s, \(megabytesPerSecond) MB/s of records: "
                + "the median of \(results.count) runs, \(UInt64(rates[0])) to \(UInt64(rates[rates.count - 1]))")
        if let divergence {
            try output.print("\(divergence.position)  DIFFERS: \(divergence.reason)")
        } else {
            try output.print(
                "digest      \(HexDigest(rawValue: report.digest)), \(report.checkpointsVerified) checkpoints agree")
        }
    }
}
