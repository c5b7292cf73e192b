internal import NIOCore
internal import Reprise

/// What a replay found and how long it took, ready to be printed.
struct ReplayResult {
    var report: ReplayReport
    var elapsed: Duration

    var seconds: Double { elapsed / .seconds(1) }
    var eventsPerSecond: Double { seconds > 0 ? (Double(report.counts.events) / seconds).rounded() : 0 }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSON("session", report.session.rawValue)
        output.buffer.writeJSON("firstPosition", report.first.rawValue)
        output.buffer.writeJSON("trimmedEvents", report.trimmedEvents)
        output.buffer.writeJSON("lastPosition", report.last.rawValue)
        output.buffer.writeJSON("events", report.counts.events)
        output.buffer.writeJSON("connects", report.counts.connects)
        output.buffer.writeJSON("disconnects", report.counts.disconnects)
        output.buffer.writeJSON("messages", report.counts.messages)
        output.buffer.writeJSON("sends", report.counts.sends)
        output.buffer.writeJSON("deliveries", report.deliveries)
        output.buffer.writeJSON("digest", HexDigest(rawValue: report.digest).description)
        output.buffer.writeJSON("memberSet", HexDigest(rawValue: report.memberSet).description)
        output.buffer.writeJSON("checkpointsVerified", UInt64(report.checkpointsVerified))
        output.buffer.writeJSONKey("divergence")
        if let divergence = report.divergence {
            output.buffer.beginJSON()
            output.buffer.writeJSON("position", divergence.position.rawValue)
            output.buffer.writeJSON("reason", divergence.reason)
            output.buffer.endJSON()
        } else {
            output.buffer.writeString("null")
        }
        output.buffer.writeJSON("seconds", (seconds * 1e6).rounded() / 1e6)
        output.buffer.writeJSON("eventsPerSecond", eventsPerSecond)
        output.buffer.endJSON()
        try output.endLine()
    }

    func printLines(to output: inout StandardOutput) throws {
        let counts = report.counts
        let trimmed =
            report.trimmedEvents == 0
            ? "" : "; its first \(report.trimmedEvents) events were trimmed away, the digests go on from the cut"
        try output.print("\(report.first)  session \(report.session), replayed from here\(trimmed)")
        try output.print(
            "\(report.last)  to here: \(counts.events) events (\(counts.connects) connects, "
                + "\(counts.disconnects) disconnects, \(counts.messages) messages, \(counts.sends) sends), "
                + "\(report.deliveries) deliveries")
        try output.print(
            "\(report.last)  D \(HexDigest(rawValue: report.digest)) M \(HexDigest(rawValue: report.memberSet))")
        if let divergence = report.divergence {
            try output.print(
                "\(divergence.position)  DIFFERS after \(report.checkpointsVerified) checkpoints that agree: "
                    + divergence.reason)
        } else {
            try output.print(
                "\(report.last)  no difference; checkpoints that agree: \(report.checkpointsVerified); "
                    + "\(UInt64(eventsPerSecond)) events/s")
        }
    }
}
