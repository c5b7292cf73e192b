internal import NIOCore
internal import Reprise

/// An event as one line for people: position, time, kind, and what matters of the rest.
struct EventSummary {
    private let event: Event

    init(_ event: Event) { self.event = event }

    var line: String {
        let kind = event.fact.word
        let padding = String(repeating: " ", count: max(0, 14 - kind.utf8.count))
        return "\(event.position)  \(event.time.iso8601(fractionDigits: 3))  \(kind)\(padding)  \(detail)"
    }

    private var detail: String {
        switch event.fact {
        case .sessionStarted(let started):
            let routes = started.configuration.routes.routes.map(\.description).joined(separator: ", ")
            return "session \(started.session), \(started.version) on \(started.node), routes \(routes)"
        case .connected(let connected):
            let query = connected.query.isEmpty ? "" : "?" + connected.query.printable
            let server = "\(connected.host.printable)/\(connected.stage)"
            return "\(connected.connection)  from \(connected.sourceIP) to \(server)\(query)"
        case .message(let message):
            return "\(message.connection)  \(message.outcome)  \(preview(message.opcode, message.body))"
        case .sent(let sent):
            let target =
                switch sent.target {
                case .everyone: "everyone"
                case .connection(let connection): connection.text
                }
            return "\(target)  \(preview(sent.opcode, sent.body))"
        case .disconnected(let disconnected):
            var text = "\(disconnected.connection)  \(disconnected.cause.word)  \(disconnected.code.rawValue)"
            if !disconnected.reason.isEmpty { text += " \"\(disconnected.reason.printable)\"" }
            if let position = disconnected.deliveredThrough { text += "  delivered through \(position)" }
            if let position = disconnected.deliveredAtLeast { text += "  delivered at least through \(position)" }
            // Nobody counted for a server that died.
            return disconnected.cause == .crash ? text : text + "  \(disconnected.bytesSent) B sent"
        case .skipped(let skipped):
            return "\(skipped.connection)  positions \(skipped.first) to \(skipped.last)"
        case .sessionEnded(let cause):
            return cause.word
        }
    }

    private func preview(_ opcode: MessageOpcode, _ body: ByteBuffer) -> String {
        "\(opcode.word) \(body.readableBytes) B  \(PayloadText(opcode: opcode, payload: body, isWhole: false).shown)"
    }
}
