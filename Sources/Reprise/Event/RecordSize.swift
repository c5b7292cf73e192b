// How long a record will be, so that LMDB can reserve its place and `EventCodec` write it there. Whoever reserves checks
// that the two agree.

internal import NIOCore

/// Sizes in bytes, of what `EventCodec` writes.
enum RecordSize {
    /// The record of an event with this fact.
    static func record(of fact: Fact) -> Int {
        let fields =
            switch fact {
            case .message(let message): size(message)
            case .sent(let sent): size(sent)
            case .connected(let connected): size(connected)
            case .disconnected(let disconnected): 2 * Token.byteCount + 27 + text(disconnected.reason)
            case .skipped: Token.byteCount + 16
            case .sessionStarted(let started): size(started)
            case .sessionEnded: 1
            }
        return EventCodec.headByteCount + fields + EventCodec.chainByteCount
    }

    /// A length as LEB128.
    static func length(_ length: Int) -> Int {
        var count = 1
        var rest = length >> 7
        while rest > 0 {
            count += 1
            rest >>= 7
        }
        return count
    }

    private static func text(_ text: String) -> Int { length(text.utf8.count) + text.utf8.count }

    private static func optionalText(_ optional: String?) -> Int { 1 + (optional.map(text) ?? 0) }

    private static func size(_ message: Message) -> Int {
        let route =
            switch message.outcome {
            case .route(let key): text(key)
            case .refused: 1
            }
        return 3 * Token.byteCount + 2 + route + message.body.readableBytes
    }

    private static func size(_ sent: Sent) -> Int {
        let target =
            switch sent.target {
            case .everyone: 1
            case .connection: 1 + Token.byteCount
            }
        return Token.byteCount + target + 1 + sent.body.readableBytes
    }

    private static func size(_ connected: Connected) -> Int {
        var size = 2 * Token.byteCount + text(connected.sourceIP) + text(connected.host) + text(connected.stage)
        size += text(connected.query) + optionalText(connected.subprotocol) + optionalText(connected.principal)
        size += length(connected.headers.count)
        for header in connected.headers { size += text(header.name) + text(header.value) }
        return size
    }

    private static func size(_ started: SessionStarted) -> Int {
        let routes = started.configuration.routes
        var size = 16 + text(started.version) + text(started.node) + text(routes.selectionExpression.text)
        size += length(routes.routes.count)
        for route in routes.routes { size += text(route.description) }
        return size
    }
}
