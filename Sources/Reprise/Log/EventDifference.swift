// In what two events differ, named as the export names it.

internal import NIOCore

/// In what two events at one position differ.
public struct EventDifference: Equatable, Sendable {
    /// The fields that differ, as exports spell them.
    public var fields: [String] = []
    /// The offset of the first byte of the body that differs.
    public var bodyOffset: Int?

    /// Compares two events.
    ///
    /// - Parameter comparesTimes: whether a time that differs is a difference.
    /// - Returns: `nil` if they do not differ.
    public init?(_ left: Event, _ right: Event, comparesTimes: Bool) {
        if left.position != right.position { fields.append("position") }
        if comparesTimes, left.time != right.time { fields.append("time") }
        compare(left.fact, right.fact)
        if fields.isEmpty { return nil }
    }

    private mutating func compare(_ left: Fact, _ right: Fact) {
        switch (left, right) {
        case (.message(let left), .message(let right)):
            note("connectionId", left.connection, right.connection)
            note("messageId", left.message, right.message)
            note("requestId", left.request, right.request)
            if !left.outcome.isSpelled(as: right.outcome) { fields.append("route") }
            note("opcode", left.opcode, right.opcode)
            noteBody(left.body, right.body)
        case (.sent(let left), .sent(let right)):
            note("requestId", left.request, right.request)
            note("target", left.target, right.target)
            note("opcode", left.opcode, right.opcode)
            noteBody(left.body, right.body)
        case (.connected(let left), .connected(let right)):
            note("connectionId", left.connection, right.connection)
            note("requestId", left.request, right.request)
            noteText("sourceIp", left.sourceIP, right.sourceIP)
            noteText("host", left.host, right.host)
            noteText("stage", left.stage, right.stage)
            noteText("query", left.query, right.query)
            noteTexts(
                "headers", left.headers.flatMap { [$0.name, $0.value] }, right.headers.flatMap { [$0.name, $0.value] })
            noteTexts("subprotocol", left.subprotocol.map { [$0] }, right.subprotocol.map { [$0] })
            noteTexts("principal", left.principal.map { [$0] }, right.principal.map { [$0] })
        case (.disconnected(let left), .disconnected(let right)):
            note("connectionId", left.connection, right.connection)
            note("requestId", left.request, right.request)
            note("code", left.code, right.code)
            noteText("reason", left.reason, right.reason)
            note("cause", left.cause, right.cause)
            note("deliveredThrough", left.deliveredThrough, right.deliveredThrough)
            note("deliveredAtLeast", left.deliveredAtLeast, right.deliveredAtLeast)
            note("bytesSent", left.bytesSent, right.bytesSent)
        case (.skipped(let left), .skipped(let right)):
            note("connectionId", left.connection, right.connection)
            note("first", left.first, right.first)
            note("last", left.last, right.last)
        case (.sessionStarted(let left), .sessionStarted(let right)):
            note("session", left.session, right.session)
            noteText("version", left.version, right.version)
            noteText("node", left.node, right.node)
            let (old, new) = (left.configuration, right.configuration)
            note("routeSelectionExpression", old.routes.selectionExpression, new.routes.selectionExpression)
            note("frameBytesMax", old.frameBytesMax, new.frameBytesMax)
            noteTexts("routes", old.routes.routes.map(\.description), new.routes.routes.map(\.description))
        case (.sessionEnded(let left), .sessionEnded(let right)):
            note("cause", left, right)
        default:
            fields.append("event")
        }
    }

    private mutating func note<Value: Equatable>(_ field: String, _ left: Value, _ right: Value) {
        if left != right { fields.append(field) }
    }

    /// By bytes: `==` of `String` takes two spellings of one accent for the same.
    private mutating func noteText(_ field: String, _ left: String, _ right: String) {
        noteTexts(field, [left], [right])
    }

    private mutating func noteTexts(_ field: String, _ left: [String]?, _ right: [String]?) {
        note(field, left?.map { Array($0.utf8) }, right?.map { Array($0.utf8) })
    }

    private mutating func noteBody(_ left: ByteBuffer, _ right: ByteBuffer) {
        guard left != right else { return }
        fields.append("body")
        let same = zip(left.readableBytesView, right.readableBytesView).prefix { $0 == $1 }
        bodyOffset = same.reduce(0) { count, _ in count + 1 }
    }
}

extension RouteOutcome {
    /// Whether both are the same, byte for byte.
    fileprivate func isSpelled(as other: RouteOutcome) -> Bool {
        switch (self, other) {
        case (.route(let left), .route(let right)): left.utf8.elementsEqual(right.utf8)
        default: self == other
        }
    }
}
