internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log stats`.
struct LogStatsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Count what is in the log: kinds, rates over time, sizes, fan-out, slow commits.",
        discussion: """
            Fan-out is the number of recipients of each message and each ordered send; it is derived by the engine, as \
            in a replay. The charts reach from the first event to the last, in at most \(EventRates.bucketCountMax) \
            columns. A server notes the slowest commit between two checkpoints; the slowest of these are listed with \
            the last position that each wrote. When the time of the last event is ahead of this machine's clock, because one of \
            the two was wrong, it says by how much (clockLead, seconds). Every line begins with the position that it speaks of.

            Examples:
              reprise log stats
              reprise log stats /var/lib/reprise --json
            """
    )

    @OptionGroup var data: DataOptions

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let log = try data.openLog()
        var progress = Progress("counting", through: try log.tail().position)
        let statistics = try LogStatistics(of: log) { progress.note($0) }
        progress.clear()
        var output = StandardOutput()
        if json {
            append(statistics, to: &output.buffer)
            try output.endLine()
        } else {
            let end = statistics.positions?.upperBound ?? .zero
            for line in lines(statistics) + chart(statistics) { try output.print("\(end)  \(line)") }
            for commit in statistics.slowestCommits {
                try output.print("\(commit.last)  a slow commit ended here, \(milliseconds(commit)) ms")
            }
        }
        try output.flush()
    }

    private func lines(_ statistics: LogStatistics) -> [String] {
        var lines: [String] = []
        if let positions = statistics.positions, let times = statistics.times {
            lines.append(
                "from \(positions.lowerBound), \(times.lowerBound.iso8601()), to \(times.upperBound.iso8601())")
            let lead = ClockLead(of: times.upperBound, over: .now)
            if lead > .usualMax { lines.append("the last event is \(lead.seconds) s ahead of this machine's clock") }
        }
        lines += statistics.counts.map { "\($0.count) \($0.word)" }
        lines.append("\(statistics.liveConnections) live connections")
        lines.append("\(statistics.usedBytes) B of file used, \(statistics.mapBytes) B reserved")
        let events = statistics.counts.reduce(0) { $0 + $1.count }
        if events > 0 {
            lines.append("\(statistics.recordBytes) B of records, \(statistics.recordBytes / events) B per event")
        }
        if let rate = statistics.messagesPerSecond {
            lines.append("\((rate * 100).rounded() / 100) messages/s on average")
        }
        lines.append("message bytes: \(text(statistics.messageBytes))")
        lines.append("recipients of a message or send: \(text(statistics.recipients))")
        lines.append("\(statistics.deliveries) deliveries")
        return lines
    }

    private func chart(_ statistics: LogStatistics) -> [String] {
        guard let rates = statistics.rates else { return [] }
        var lines: [String] = []
        for (word, counts) in [("events", rates.events), ("messages", rates.messages)] {
            guard let greatest = counts.max(), greatest > 0 else { continue }
            let width = rounded(Double(rates.bucketNanoseconds) / 1e9, 1e3)
            lines.append(
                "\(word) over time, \(width) s a column, the highest \(rounded(rates.perSecond(greatest), 10))/s")
            lines += BlockChart(counts).rows.map { "▕\($0)▏" }
        }
        return lines
    }

    private func rounded(_ value: Double, _ steps: Double) -> Double { (value * steps).rounded() / steps }

    private func milliseconds(_ commit: Checkpoint.CommitTime) -> Double {
        rounded(Double(commit.nanoseconds) / 1e6, 1e3)
    }

    private static let quantiles: [(key: StaticString, share: Double)] = [
        ("min", 0), ("median", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1),
    ]

    private func text(_ distribution: Distribution) -> String {
        let values = distribution.quantiles(LogStatsCommand.quantiles.map(\.share))
        if values.isEmpty { return "none" }
        return zip(LogStatsCommand.quantiles, values).map { "\($0.key) \($1)" }.joined(separator: ", ")
    }

    private func append(_ statistics: LogStatistics, to buffer: inout ByteBuffer) {
        buffer.beginJSON()
        buffer.writeJSON("firstPosition", statistics.positions?.lowerBound.rawValue)
        buffer.writeJSON("lastPosition", statistics.positions?.upperBound.rawValue)
        if let times = statistics.times {
            buffer.writeJSON("firstTime", times.lowerBound)
            buffer.writeJSON("lastTime", times.upperBound)
            buffer.writeJSON("clockLead", ClockLead(of: times.upperBound, over: .now).seconds)
        } else {
            buffer.writeJSONNull("firstTime")
            buffer.writeJSONNull("lastTime")
            buffer.writeJSONNull("clockLead")
        }
        buffer.writeJSONKey("events")
        buffer.beginJSON()
        for (word, count) in statistics.counts {
            buffer.separateJSON()
            buffer.writeJSONString(word)
            buffer.writeString(":\(count)")
        }
        buffer.endJSON()
        buffer.writeJSON("liveConnections", UInt64(statistics.liveConnections))
        buffer.writeJSON("recordBytes", statistics.recordBytes)
        buffer.writeJSON("usedBytes", UInt64(statistics.usedBytes))
        buffer.writeJSON("mapBytes", UInt64(statistics.mapBytes))
        if let rate = statistics.messagesPerSecond {
            buffer.writeJSON("messagesPerSecond", rate)
        } else {
            buffer.writeJSONNull("messagesPerSecond")
        }
        append("messageBytes", statistics.messageBytes, to: &buffer)
        append("recipients", statistics.recipients, to: &buffer)
        buffer.writeJSON("deliveries", statistics.deliveries)
        append(statistics.rates, to: &buffer)
        buffer.writeJSONKey("slowestCommits")
        buffer.beginJSON("[")
        for commit in statistics.slowestCommits {
            buffer.separateJSON()
            buffer.beginJSON()
            buffer.writeJSON("lastPosition", commit.last.rawValue)
            buffer.writeJSON("nanoseconds", commit.nanoseconds)
            buffer.endJSON()
        }
        buffer.endJSON("]")
        buffer.endJSON()
    }

    private func append(_ rates: EventRates?, to buffer: inout ByteBuffer) {
        guard let rates else { return buffer.writeJSONNull("rates") }
        buffer.writeJSONKey("rates")
        buffer.beginJSON()
        buffer.writeJSON("start", rates.start)
        buffer.writeJSON("bucketSeconds", Double(rates.bucketNanoseconds) / 1e9)
        for (key, counts) in [("events", rates.events), ("messages", rates.messages)] as [(StaticString, [UInt64])] {
            buffer.writeJSONKey(key)
            buffer.beginJSON("[")
            for count in counts {
                buffer.separateJSON()
                buffer.writeDecimal(count)
            }
            buffer.endJSON("]")
        }
        buffer.endJSON()
    }

    private func append(_ key: StaticString, _ distribution: Distribution, to buffer: inout ByteBuffer) {
        buffer.writeJSONKey(key)
        let values = distribution.quantiles(LogStatsCommand.quantiles.map(\.share))
        if values.isEmpty {
            buffer.writeString("null")
            return
        }
        buffer.beginJSON()
        for (quantile, value) in zip(LogStatsCommand.quantiles, values) {
            buffer.writeJSON(quantile.key, UInt64(value))
        }
        buffer.endJSON()
    }
}
