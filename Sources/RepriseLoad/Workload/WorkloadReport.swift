/// What a recorded workload came to on a server.
public struct WorkloadReport: Codable, Equatable, Sendable {
    /// Percentiles of durations, microseconds.
    public struct Percentiles: Codable, Equatable, Sendable {
        /// How many were measured.
        public var count: UInt64
        /// Half of them took no longer.
        public var p50: Double
        /// 90 of 100 took no longer.
        public var p90: Double
        /// 99 of 100 took no longer.
        public var p99: Double
        /// The longest one.
        public var max: Double

        init(_ histogram: LatencyHistogram) {
            count = histogram.count
            p50 = Double(histogram.percentile(50)) / 1000
            p90 = Double(histogram.percentile(90)) / 1000
            p99 = Double(histogram.percentile(99)) / 1000
            max = Double(histogram.max) / 1000
        }
    }

    /// The server.
    public var url: String
    /// How many times faster than recorded; nil for as fast as it goes.
    public var speed: Double?
    /// Connections in the recording.
    public var connections: Int
    /// Connections that were opened and upgraded.
    public var connected: Int
    /// Connections that failed, were refused, or were ended by the server before the recording ends them.
    public var connectionErrors: Int
    /// The first of these errors.
    public var firstError: String?
    /// Messages in the recording.
    public var messagesOffered: Int
    /// Messages that the kernel took.
    public var messagesSent: Int
    /// Seconds that the recording takes at this speed; 0 for as fast as it goes.
    public var secondsOffered: Double
    /// Seconds from the first step to the last message that the kernel took.
    public var seconds: Double
    /// From when a message was meant to be sent until the kernel took its last byte. Not measured without times.
    public var lateness: Percentiles?
    /// Messages that were more than ``lateAfterSeconds`` late.
    public var lateSends: Int
    /// From when a message was meant to be sent until its sender got it back. Without times: from when it was queued.
    public var latency: Percentiles
    /// Messages that had to come back to their sender and did not.
    public var unanswered: Int
    /// From the begin of a connect until its upgrade.
    public var connects: Percentiles
    /// Messages that all connections received.
    public var deliveries: Int
    /// The same for each second of the run.
    public var deliveriesPerSecond: Double

    /// Why the run cannot be taken for the recording played once more; nil if it can.
    public var problem: String? {
        if connectionErrors > 0 { return "\(connectionErrors) connections failed; the first: \(firstError ?? "")" }
        if messagesSent < messagesOffered { return "\(messagesOffered - messagesSent) messages were not sent" }
        if unanswered > 0 { return "\(unanswered) messages did not come back to their senders" }
        return nil
    }

    /// What counts as late, seconds.
    public static let lateAfterSeconds = 0.001
}

extension WorkloadReport: CustomStringConvertible {
    /// The report for people.
    public var description: String {
        func text(_ times: Percentiles) -> String {
            "p50 \(rounded(times.p50))  p90 \(rounded(times.p90))  p99 \(rounded(times.p99))  "
                + "max \(rounded(times.max)) µs (\(times.count))"
        }
        var lines = [
            "workload    \(connections) connections, \(messagesOffered) messages, "
                + (speed.map { "\($0)x: \(rounded(secondsOffered)) s" } ?? "as fast as they go"),
            "connected   \(connected), \(connectionErrors) errors" + (firstError.map { ": \($0)" } ?? ""),
            "connect     \(text(connects))",
            "sent        \(messagesSent) in \(rounded(seconds)) s, \(lateSends) late",
        ]
        if let lateness { lines.append("lateness    \(text(lateness))") }
        lines.append("to sender   \(text(latency)), \(unanswered) missing")
        lines.append("deliveries  \(deliveries), \(rounded(deliveriesPerSecond))/s")
        return lines.joined(separator: "\n")
    }

    private func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
