// Reading a line back. Strict: what would be lost or guessed is refused, with the field's name.

public import NIOCore

/// Why a line is not an event. Its description is part of a sentence that begins with the line's number.
public enum EventJSONError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line is not UTF-8.
    case notText
    /// The line is not one JSON object.
    case notAnObject
    /// The named field stands twice in the object.
    case duplicate(String)
    /// The object has more fields than any event.
    case tooManyFields
    /// The named field is missing.
    case missing(String)
    /// The named field does not hold what it must, which the second value says.
    case invalid(String, String)
    /// The named field does not belong to an event of this kind.
    case unknownField(String, event: String)

    /// What is wrong, as part of a sentence.
    public var description: String {
        switch self {
        case .notText: "the line is not UTF-8"
        case .notAnObject: "the line is not one JSON object"
        case .duplicate(let field): "the field \"\(field)\" stands twice"
        case .tooManyFields: "the object has more than \(JSONFields.membersMax) fields"
        case .missing(let field): "the field \"\(field)\" is missing"
        case .invalid(let field, let expected): "the field \"\(field)\" must be \(expected)"
        case .unknownField(let field, let event): "\"\(field)\" is not a field of \(event)"
        }
    }
}

extension EventJSON {
    /// Reads one event.
    ///
    /// - Parameter line: the object's bytes; white space around it is allowed. Bodies may share their storage.
    public static func parse(_ line: ByteBuffer) throws(EventJSONError) -> Event {
        var fields = try JSONFields(line)
        let position = Position(try fields.integer("position"))
        let time = try fields.word("time", "a moment such as 2026-01-01T00:00:00.000000000Z") {
            Timestamp(iso8601: $0)
        }
        let word = try fields.text("event")
        let fact: Fact
        switch word {
        case "message": fact = .message(try parseMessage(&fields))
        case "sent": fact = .sent(try parseSent(&fields))
        case "connected": fact = .connected(try parseConnected(&fields))
        case "disconnected": fact = .disconnected(try parseDisconnected(&fields))
        case "skipped":
            fact = .skipped(
                Skipped(
                    connection: try fields.identifier("connectionId"), first: Position(try fields.integer("first")),
                    last: Position(try fields.integer("last"))))
        case "sessionStarted": fact = .sessionStarted(try parseSessionStarted(&fields))
        case "sessionEnded":
            fact = .sessionEnded(
                try fields.word("cause", words(SessionEndCause.allCases.map(\.word)), SessionEndCause.init(word:)))
        default: throw .invalid("event", words(Fact.words))
        }
        if let field = fields.leftOver { throw .unknownField(field, event: word) }
        return Event(position: position, time: time, fact: fact)
    }

    private static func parseMessage(_ fields: inout JSONFields) throws(EventJSONError) -> Message {
        let outcome: RouteOutcome
        if fields.has("refused") {
            outcome = .refused(
                try fields.word("refused", words(Refusal.allCases.map(\.word)), Refusal.init(word:)))
        } else {
            outcome = .route(try fields.text("route"))
        }
        return Message(
            connection: try fields.identifier("connectionId"), message: try fields.identifier("messageId"),
            request: try fields.identifier("requestId"), opcode: try parseOpcode(&fields),
            body: try parseBody(&fields), outcome: outcome)
    }

    private static func parseSent(_ fields: inout JSONFields) throws(EventJSONError) -> Sent {
        let target = try fields.word("target", "\"everyone\" or a connection id") { (text: String) -> SendTarget? in
            text == "everyone" ? .everyone : ConnectionID(text: text).map { .connection($0) }
        }
        return Sent(
            request: try fields.identifier("requestId"), target: target, opcode: try parseOpcode(&fields),
            body: try parseBody(&fields))
    }

    private static func parseConnected(_ fields: inout JSONFields) throws(EventJSONError) -> Connected {
        let headers = try fields.list("headers", "a list of {\"name\":\"…\",\"value\":\"…\"}") { element -> Header? in
            guard case .object(let members) = element, members.count == 2,
                let name = members.first(where: { $0.key == Array("name".utf8) })?.value.validText,
                let value = members.first(where: { $0.key == Array("value".utf8) })?.value.validText
            else { return nil }
            return Header(name: name, value: value)
        }
        return Connected(
            connection: try fields.identifier("connectionId"), request: try fields.identifier("requestId"),
            sourceIP: try fields.text("sourceIp"), host: try fields.text("host"), stage: try fields.text("stage"),
            query: try fields.text("query"), headers: headers, subprotocol: try fields.optionalText("subprotocol"),
            principal: try fields.optionalText("principal"))
    }

    private static func parseDisconnected(_ fields: inout JSONFields) throws(EventJSONError) -> Disconnected {
        Disconnected(
            connection: try fields.identifier("connectionId"), request: try fields.identifier("requestId"),
            code: CloseCode(rawValue: try fields.integer("code")), reason: try fields.text("reason"),
            cause: try fields.word("cause", words(DisconnectCause.allCases.map(\.word)), DisconnectCause.init(word:)),
            deliveredThrough: try fields.optionalPosition("deliveredThrough"),
            deliveredAtLeast: try fields.optionalPosition("deliveredAtLeast"),
            bytesSent: try fields.integer("bytesSent"))
    }

    private static func parseSessionStarted(_ fields: inout JSONFields) throws(EventJSONError) -> SessionStarted {
        let session = SessionID(try fields.integer("session"))
        let version = try fields.text("version")
        let node = try fields.text("node")
        let expression = try fields.text("routeSelectionExpression")
        let frameBytesMax: Int = try fields.integer("frameBytesMax")
        guard frameBytesMax > 0 else { throw .invalid("frameBytesMax", "a number of bytes above 0") }
        let texts = try fields.list("routes", "a list of texts such as \"onMessage=broadcast:data\"") { $0.validText }
        let table: RouteTable
        do throws(RouteTableError) {
            var routes: [Route] = []
            for text in texts { routes.append(try Route(parsing: text)) }
            table = try RouteTable(selectionExpression: try RouteSelectionExpression(expression), routes: routes)
        } catch {
            throw .invalid("routes", "a route table (\(error))")
        }
        return SessionStarted(
            session: session, version: version, node: node,
            configuration: EngineConfiguration(routes: table, frameBytesMax: frameBytesMax))
    }

    private static func parseOpcode(_ fields: inout JSONFields) throws(EventJSONError) -> MessageOpcode {
        try fields.word("opcode", words(["text", "binary"]), MessageOpcode.init(word:))
    }

    private static func parseBody(_ fields: inout JSONFields) throws(EventJSONError) -> ByteBuffer {
        guard fields.has("bodyBase64") else { return try fields.utf8("body") }
        guard let bytes = Base64.decode(try fields.text("bodyBase64").utf8) else {
            throw .invalid("bodyBase64", "Base64 (RFC 4648 §4)")
        }
        return ByteBuffer(bytes: bytes)
    }

    private static func words(_ words: [String]) -> String { "one of " + words.joined(separator: ", ") }
}
