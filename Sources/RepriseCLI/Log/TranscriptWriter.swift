internal import NIOCore
internal import Reprise

/// Prints a transcript, for people or for machines.
struct TranscriptWriter: ~Copyable {
    var output = StandardOutput()
    let isWhole: Bool
    let isJSON: Bool

    init(isWhole: Bool, isJSON: Bool) {
        self.isWhole = isWhole
        self.isJSON = isJSON
    }

    /// Prints what one event added.
    mutating func write(_ entries: [Transcript.Entry]) throws {
        for entry in entries {
            if isJSON {
                append(entry)
            } else {
                output.buffer.writeString(head(entry.position, entry.time, entry.content.word))
                output.buffer.writeString(detail(entry.content))
            }
            try output.endLine()
        }
    }

    /// Says that a trim has taken away what lies between the open and `first`.
    mutating func writeTrimmed(_ opened: Transcript.Entry, first: Position) throws {
        try write([opened])
        if isJSON {
            output.buffer.beginJSON()
            output.buffer.writeJSON("position", first.rawValue)
            output.buffer.writeJSON("kind", "trimmed")
            output.buffer.endJSON()
            try output.endLine()
        } else {
            try output.print("\(first)  the log begins here: what came before was trimmed")
        }
    }

    /// Says that the connection has no end yet, and how far its bytes had left.
    mutating func writeOpen(_ history: ConnectionHistory) throws {
        if isJSON {
            output.buffer.beginJSON()
            output.buffer.writeJSON("position", history.end.rawValue)
            output.buffer.writeJSON("kind", "open")
            if history.leftThrough > .zero {
                output.buffer.writeJSON("deliveredAtLeast", history.leftThrough.rawValue)
            }
            if let checkpoint = history.checkpoint { output.buffer.writeJSON("checkpoint", checkpoint.rawValue) }
            output.buffer.endJSON()
            return try output.endLine()
        }
        var line = "\(history.end)  still open"
        if let checkpoint = history.checkpoint, history.leftThrough > .zero {
            line += "; delivered at least through \(history.leftThrough), by the checkpoint at \(checkpoint)"
        } else {
            line += "; no checkpoint says yet what had left"
        }
        try output.print(line)
    }

    // MARK: For people

    private func head(_ position: Position, _ time: Timestamp, _ word: String) -> String {
        let padding = String(repeating: " ", count: max(0, 7 - word.utf8.count))
        return "\(position)  \(time.iso8601(fractionDigits: 3))  \(word)\(padding)  "
    }

    private func detail(_ content: Transcript.Content) -> String {
        switch content {
        case .opened(let connected):
            let query = connected.query.isEmpty ? "" : "?" + connected.query.printable
            return "\(connected.connection)  from \(connected.sourceIP) to "
                + "\(connected.host)/\(connected.stage)".printable + query
        case .received(let message):
            let text = PayloadText(opcode: message.opcode, payload: message.body, isWhole: isWhole).shown
            return "\(message.outcome)  \(message.opcode.word) \(message.body.readableBytes) B  \(text)"
        case .sent(let outbound):
            let text = PayloadText(opcode: outbound.opcode, payload: outbound.payload, isWhole: isWhole).shown
            let source = outbound.sender.map(\.text) ?? "@connections"
            return "\(outbound.fate.rawValue)  from \(source)  \(outbound.opcode.word) "
                + "\(outbound.payload.readableBytes) B in \(outbound.frameBytes)  \(text)"
        case .skipped(let skipped):
            return "positions \(skipped.first) to \(skipped.last)"
        case .closed(let disconnected):
            return disconnected.summary
        }
    }

    // MARK: For machines

    private mutating func append(_ entry: Transcript.Entry) {
        output.buffer.beginJSON()
        output.buffer.writeJSON("position", entry.position.rawValue)
        output.buffer.writeJSON("time", entry.time)
        output.buffer.writeJSON("kind", entry.content.word)
        switch entry.content {
        case .opened(let connected):
            output.buffer.writeJSON("connectionId", connected.connection.token)
            output.buffer.writeJSON("sourceIp", connected.sourceIP)
            output.buffer.writeJSON("host", connected.host)
            output.buffer.writeJSON("stage", connected.stage)
            output.buffer.writeJSON("query", connected.query)
        case .received(let message):
            output.buffer.writeJSON("messageId", message.message.token)
            switch message.outcome {
            case .route(let key): output.buffer.writeJSON("route", key)
            case .refused(let refusal): output.buffer.writeJSON("refused", refusal.word)
            }
            output.buffer.writeJSON("payloadBytes", UInt64(message.body.readableBytes))
            EventJSON.appendBody(message.opcode, message.body, to: &output.buffer)
        case .sent(let outbound):
            output.buffer.writeJSON("fate", outbound.fate.rawValue)
            if let sender = outbound.sender { output.buffer.writeJSON("sender", sender.token) }
            output.buffer.writeJSON("payloadBytes", UInt64(outbound.payload.readableBytes))
            output.buffer.writeJSON("frameBytes", UInt64(outbound.frameBytes))
            EventJSON.appendBody(outbound.opcode, outbound.payload, to: &output.buffer)
        case .skipped(let skipped):
            output.buffer.writeJSON("first", skipped.first.rawValue)
            output.buffer.writeJSON("last", skipped.last.rawValue)
        case .closed(let disconnected):
            output.buffer.writeJSON("cause", disconnected.cause.word)
            output.buffer.writeJSON("code", UInt64(disconnected.code.rawValue))
            output.buffer.writeJSON("reason", disconnected.reason)
            disconnected.appendDelivered(to: &output.buffer)
            output.buffer.writeJSON("bytesSent", disconnected.bytesSent)
        }
        output.buffer.endJSON()
    }
}

extension Transcript.Content {
    /// The word for the kind of line.
    var word: String {
        switch self {
        case .opened: "opened"
        case .received: "in"
        case .sent: "out"
        case .skipped: "skipped"
        case .closed: "closed"
        }
    }
}

extension Disconnected {
    /// How the connection ended and how far its bytes had left, for people.
    var summary: String {
        var text = "\(cause.word)  \(code.rawValue)"
        if !reason.isEmpty { text += " \"\(reason.printable)\"" }
        if cause == .crash {
            // Nobody counted for a server that died.
            return text
                + (deliveredAtLeast.map { "  delivered at least through \($0)" } ?? "  nobody knows what had left")
        }
        return text + (deliveredThrough.map { "  delivered through \($0)" } ?? "  nothing had left")
            + "  \(bytesSent) B sent"
    }

    /// Appends what is known of what had left.
    func appendDelivered(to buffer: inout ByteBuffer) {
        if let deliveredThrough { buffer.writeJSON("deliveredThrough", deliveredThrough.rawValue) }
        if let deliveredAtLeast { buffer.writeJSON("deliveredAtLeast", deliveredAtLeast.rawValue) }
    }
}
