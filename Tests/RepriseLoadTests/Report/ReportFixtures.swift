@testable import RepriseLoad

extension FanoutReport {
    /// A run that is VALID, with three seconds of throughput and 2 000 latencies of 10…20 µs.
    static func example(
        label: String = "", clients: Int = 1000, mode: String = "window 64", deliveriesPerSecond: Double = 2_000_000
    ) -> FanoutReport {
        var report = FanoutReport()
        report.label = label
        report.clients = clients
        report.senders = 1
        report.mode = mode
        report.payloadBytes = 64
        report.seconds = 3
        report.deliveriesPerSecond = deliveriesPerSecond
        report.measuredDeliveries = Int(deliveriesPerSecond * 3)
        report.measuredMessages = report.measuredDeliveries / max(1, clients)
        report.expectedDeliveries = report.measuredDeliveries
        report.receivedDeliveries = report.measuredDeliveries
        report.latency = .example(scale: 1)
        report.deliveryLatency = report.latency
        report.throughput = (1...3).map {
            Second(atSeconds: Double($0), deliveriesPerSecond: deliveriesPerSecond, messagesPerSecond: 2000)
        }
        return report
    }

    /// The same run, INVALID because of a rule.
    func broken(_ rule: String) -> FanoutReport {
        var report = self
        report.verdict = .invalid
        report.failedRules = [rule]
        return report
    }

    /// A run in which nothing was delivered.
    static var nothing: FanoutReport {
        var report = FanoutReport()
        report.clients = 10
        report.mode = "window 1"
        return report.broken("Nothing was delivered in the measured time.")
    }
}

extension String {
    /// How often a text occurs.
    func count(of text: String) -> Int { ranges(of: text).count }
}

extension FanoutReport.Latency {
    /// 2 000 durations of 10…20 µs, or so many times that.
    static func example(scale: Double) -> FanoutReport.Latency {
        var latency = FanoutReport().latency
        latency.count = 2000
        latency.mean = 15.04 * scale
        latency.p50 = 15 * scale
        latency.p90 = 19 * scale
        latency.p99 = 19.9 * scale
        latency.p999 = 19.99 * scale
        latency.max = 20 * scale
        latency.curve = [0, 25, 50, 75, 90, 99, 99.9, 99.99, 100].map {
            Point(percent: $0, microseconds: (10 + $0 / 10) * scale)
        }
        return latency
    }
}
