internal import NIOCore
internal import Reprise

/// An event as one line for people: position, time, kind, and what matters of the rest.
struct EventSummary {
    private let event: Event
    private static let previewCharacters = 80
    private static let previewBytes = 16

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
            let query = connected.query.isEmpty ? "" : "?" + connected.query
            return "\(connected.connection)  from \(connected.sourceIP) to \(connected.host)/\(connected.stage)\(query)"
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
        let head = "\(opcode.word) \(body.readableBytes) B"
        switch opcode {
        case .text:
            // Four bytes to a character at most, so that a cut one lies behind what is shown.
            let bytes = body.readableBytesView.prefix(4 * EventSummary.previewCharacters)
            let text = String(decoding: bytes, as: UTF8.self)
            let shown = text.prefix(EventSummary.previewCharacters)
            let isCut = bytes.count < body.readableBytes || shown.endIndex < text.endIndex
            return "\(head)  \(String(shown).printable)\(isCut ? "…" : "")"
        case .binary:
            let bytes = body.readableBytesView.prefix(EventSummary.previewBytes)
            let hex = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return "\(head)  \(hex)\(bytes.count < body.readableBytes ? "…" : "")"
        }
    }
}

extension String {
    /// Control characters would move the cursor, or worse: what clients send is shown, not obeyed.
    var printable: String {
        String(String.UnicodeScalarView(unicodeScalars.map { $0.isControl ? "\u{FFFD}" : $0 }))
    }
}

extension Unicode.Scalar {
    fileprivate var isControl: Bool {
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
