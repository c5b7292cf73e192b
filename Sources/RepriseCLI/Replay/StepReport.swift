internal import NIOCore
internal import Reprise

/// An event of a replay and what it delivered, ready to be printed.
struct StepReport {
    private let step: ReplayStep
    /// What the event ordered, whoever was live.
    private let delivery: Delivery?

    init(_ step: ReplayStep, under configuration: EngineConfiguration?) {
        self.step = step
        delivery = configuration.flatMap { Delivery(of: step.event, under: $0) }
    }

    /// The line of `log show`, and to how many it went.
    func printLine(to output: inout StandardOutput) throws {
        let ordered = delivery.map { _ in "  delivered to \(step.recipients)" } ?? ""
        try output.print(EventSummary(step.event).line + ordered)
    }

    /// The line of `log show`, and a second one: what was delivered to whom, and the digests after it.
    func printDetails(to output: inout StandardOutput) throws {
        try output.print(EventSummary(step.event).line)
        var line = "\(step.event.position)  "
        if let delivery {
            let byteCount = delivery.payload(of: step.event).readableBytes
            line += "delivered \(delivery.opcode.word) \(byteCount) B to "
            switch delivery.target {
            case .everyone: line += step.recipients == 1 ? "the 1 live connection" : "all \(step.recipients)"
            case .connection(let connection): line += "\(connection)\(step.recipients == 0 ? ", who is gone" : "")"
            }
        } else {
            line += "delivered nothing"
        }
        line += "; D \(HexDigest(rawValue: step.state.digest)) M \(HexDigest(rawValue: step.state.memberSet))"
        try output.print(line + " live \(step.state.liveCount)")
    }

    /// The object of `log export` with four more fields.
    func printJSON(to output: inout StandardOutput) throws {
        EventJSON.append(step.event, to: &output.buffer)
        output.buffer.moveWriterIndex(to: output.buffer.writerIndex - 1)  // the closing brace
        output.buffer.writeJSON("recipients", step.recipients)
        output.buffer.writeJSON("digest", HexDigest(rawValue: step.state.digest).description)
        output.buffer.writeJSON("memberSet", HexDigest(rawValue: step.state.memberSet).description)
        output.buffer.writeJSON("liveConnections", step.state.liveCount)
        output.buffer.endJSON()
        try output.endLine()
    }
}
