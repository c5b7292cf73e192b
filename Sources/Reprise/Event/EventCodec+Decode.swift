// Reading records back. Every length is checked against the record; nothing here traps, whatever the bytes are.

public import NIOCore

/// Why a record cannot be read.
public enum RecordDamage: Error, Equatable, Sendable, CustomStringConvertible {
    /// Written by another version of the format.
    case unknownVersion(UInt8)
    /// A kind of event that this build does not know.
    case unknownKind(UInt8)
    /// The record ends inside the named field.
    case truncated(String)
    /// The named field holds a value that it cannot have.
    case invalid(String)
    /// Bytes are left after the last field.
    case trailingBytes(Int)
    /// The record, or one before it, is not what was written: its chain hash differs.
    case chainHash(expected: HexDigest, found: HexDigest)

    /// What is wrong with the record.
    public var description: String {
        switch self {
        case .unknownVersion(let version):
            "format version \(version) is unknown (this build reads \(EventCodec.formatVersion))"
        case .unknownKind(let kind): "event kind \(kind) is unknown to this build"
        case .truncated(let field): "the record ends inside \(field)"
        case .invalid(let field): "\(field) has an impossible value"
        case .trailingBytes(let count): "\(count) bytes follow the last field"
        case .chainHash(let expected, let found): "chain hash is \(found), but the bytes give \(expected)"
        }
    }
}

extension EventCodec {
    /// Checks and reads one record.
    ///
    /// - Parameters:
    ///   - record: exactly the record's bytes; bodies of the event share its storage.
    ///   - previousHash: the chain hash of the record before, or `firstSeed`.
    /// - Returns: the event and its chain hash.
    public static func decode(
        _ record: ByteBuffer, at position: Position, previousHash: UInt64
    ) throws(RecordDamage) -> (event: Event, hash: UInt64) {
        guard let version = record.getInteger(at: record.readerIndex, as: UInt8.self) else {
            throw .truncated("version")
        }
        guard version == formatVersion else { throw .unknownVersion(version) }
        guard record.readableBytes >= headByteCount + chainByteCount else { throw .truncated("head") }
        let hashIndex = record.writerIndex - chainByteCount
        let found = record.getInteger(at: hashIndex, endianness: .little, as: UInt64.self) ?? 0
        let content = record.readableBytesSpan.extracting(droppingLast: chainByteCount)
        let hash = XXH64.hash(prefix: position.rawValue, content, seed: previousHash)
        guard hash == found else {
            throw .chainHash(expected: HexDigest(rawValue: hash), found: HexDigest(rawValue: found))
        }
        var fields = RecordFields(record, endIndex: hashIndex)
        let kind = try fields.byte("kind", after: 1)
        let time = Timestamp(rawValue: try fields.integer("time", as: Int64.self))
        let fact = try decodeFact(kind, &fields)
        if fields.remaining > 0 { throw .trailingBytes(fields.remaining) }
        return (Event(position: position, time: time, fact: fact), hash)
    }

    private static func decodeFact(_ kind: UInt8, _ fields: inout RecordFields) throws(RecordDamage) -> Fact {
        guard let kind = Kind(rawValue: kind) else { throw .unknownKind(kind) }
        switch kind {
        case .message:
            let connection = ConnectionID(token: try fields.token("connection"))
            let message = MessageID(token: try fields.token("message id"))
            let request = RequestID(token: try fields.token("request id"))
            let opcode = try fields.opcode()
            let refusal = try fields.byte("refusal")
            let key = try fields.text("route")
            var outcome = RouteOutcome.route(key)
            if refusal != 0 {
                guard let refusal = Refusal(rawValue: refusal), key.isEmpty else { throw .invalid("refusal") }
                outcome = .refused(refusal)
            }
            return .message(
                Message(
                    connection: connection, message: message, request: request, opcode: opcode, body: fields.body(),
                    outcome: outcome))
        case .sent:
            let request = RequestID(token: try fields.token("request id"))
            let target: SendTarget
            switch try fields.byte("target") {
            case 0: target = .everyone
            case 1: target = .connection(ConnectionID(token: try fields.token("target")))
            default: throw .invalid("target")
            }
            let opcode = try fields.opcode()
            return .sent(Sent(request: request, target: target, opcode: opcode, body: fields.body()))
        case .connected:
            return .connected(try decodeConnected(&fields))
        case .disconnected:
            return .disconnected(try decodeDisconnected(&fields))
        case .skipped:
            return .skipped(
                Skipped(
                    connection: ConnectionID(token: try fields.token("connection")),
                    first: Position(try fields.integer("first")), last: Position(try fields.integer("last"))))
        case .sessionStarted:
            return .sessionStarted(try decodeSessionStarted(&fields))
        case .sessionEnded:
            guard let cause = SessionEndCause(rawValue: try fields.byte("cause")) else { throw .invalid("cause") }
            return .sessionEnded(cause)
        }
    }

    private static func decodeConnected(_ fields: inout RecordFields) throws(RecordDamage) -> Connected {
        var connected = Connected(
            connection: ConnectionID(token: try fields.token("connection")),
            request: RequestID(token: try fields.token("request id")),
            sourceIP: try fields.text("source IP"), host: try fields.text("host"), stage: try fields.text("stage"),
            query: try fields.text("query"))
        connected.subprotocol = try fields.optionalText("subprotocol")
        connected.principal = try fields.optionalText("principal")
        for _ in 0..<(try fields.length("headers")) {
            connected.headers.append(
                Header(name: try fields.text("header name"), value: try fields.text("header value")))
        }
        return connected
    }

    private static func decodeDisconnected(_ fields: inout RecordFields) throws(RecordDamage) -> Disconnected {
        let connection = ConnectionID(token: try fields.token("connection"))
        let request = RequestID(token: try fields.token("request id"))
        let code = CloseCode(rawValue: try fields.integer("close code", as: UInt16.self))
        guard let cause = DisconnectCause(rawValue: try fields.byte("cause")) else { throw .invalid("cause") }
        let through: UInt64 = try fields.integer("deliveredThrough")
        let atLeast: UInt64 = try fields.integer("deliveredAtLeast")
        let bytesSent: UInt64 = try fields.integer("bytesSent")
        return Disconnected(
            connection: connection, request: request, code: code, reason: try fields.text("reason"), cause: cause,
            deliveredThrough: through == 0 ? nil : Position(through),
            deliveredAtLeast: atLeast == 0 ? nil : Position(atLeast), bytesSent: bytesSent)
    }

    private static func decodeSessionStarted(_ fields: inout RecordFields) throws(RecordDamage) -> SessionStarted {
        let session = SessionID(try fields.integer("session"))
        let version = try fields.text("version")
        let node = try fields.text("node")
        let expression = try fields.text("route selection expression")
        let frameBytesMax: UInt64 = try fields.integer("frameBytesMax")
        var routes: [String] = []
        for _ in 0..<(try fields.length("routes")) { routes.append(try fields.text("route")) }
        let table: RouteTable
        do throws(RouteTableError) {
            var parsed: [Route] = []
            for route in routes { parsed.append(try Route(parsing: route)) }
            table = try RouteTable(
                selectionExpression: try RouteSelectionExpression(expression), routes: parsed)
        } catch {
            throw .invalid("route table (\(error))")
        }
        guard let frameBytesMax = Int(exactly: frameBytesMax), frameBytesMax > 0 else {
            throw .invalid("frameBytesMax")
        }
        return SessionStarted(
            session: session, version: version, node: node,
            configuration: EngineConfiguration(routes: table, frameBytesMax: frameBytesMax))
    }
}
