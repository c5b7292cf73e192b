// Reading records back. Every length is checked against the record; nothing here traps, whatever the bytes are.

public import NIOCore

/// Why a record cannot be read.
public enum RecordDamage: Error, Equatable, Sendable, CustomStringConvertible {
    /// Written by another version of the format.
    case unknownVersion(UInt8)
    /// A kind of event that this build does not know.
    case unknownKind(UInt8)
    /// The named field holds a value that this build does not know.
    case unknownValue(String, UInt8)
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
        case .unknownValue(let field, let value): "\(field) \(value) is unknown to this build"
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
        var hash = previousHash
        var names = RecentTexts()
        let event = try decode(
            record, record.readableBytesSpan, 0..<record.readableBytes, at: position, hash: &hash, names: &names)
        return (event, hash)
    }

    /// Checks and reads one record of a chunk.
    ///
    /// - Parameters:
    ///   - chunk: the records; bodies of events share its storage.
    ///   - bytes: the readable bytes of `chunk`, which are borrowed once for all its records.
    ///   - range: where the record lies in `bytes`.
    ///   - hash: the chain hash of the record before; becomes this record's. Left as it is by an error.
    ///   - names: keeps the names of routes from record to record.
    @inline(__always)
    static func decode(
        _ chunk: ByteBuffer, _ bytes: RawSpan, _ range: Range<Int>, at position: Position, hash: inout UInt64,
        names: inout RecentTexts
    ) throws(RecordDamage) -> Event {
        let record = bytes.extracting(range)
        guard record.byteCount > 0 else { throw .truncated("version") }
        guard record.recordByte(at: 0) == formatVersion else { throw .unknownVersion(record.recordByte(at: 0)) }
        guard record.byteCount >= headByteCount + chainByteCount else { throw .truncated("head") }
        let contentByteCount = record.byteCount &- chainByteCount
        let found = record.recordWord(at: contentByteCount)
        let expected = XXH64.hash(
            prefix: position.rawValue, record.extracting(0..<contentByteCount), seed: hash)
        guard expected == found else {
            throw .chainHash(expected: HexDigest(rawValue: expected), found: HexDigest(rawValue: found))
        }
        let time = Timestamp(rawValue: Int64(bitPattern: record.recordWord(at: 2)))
        let start = chunk.readerIndex &+ range.lowerBound
        let fact: Fact
        if let message = MessageRecord.read(record, in: chunk, at: start, names: &names) {
            fact = .message(message)
        } else {
            let slice = chunk.getSlice(at: start, length: record.byteCount) ?? ByteBuffer()
            fact = try decodeFact(
                record.recordByte(at: 1), RecordFields(slice, endIndex: slice.readerIndex + contentByteCount))
        }
        hash = expected
        return Event(position: position, time: time, fact: fact)
    }

    /// Reads a record field by field.
    @inline(never)
    private static func decodeFact(_ kind: UInt8, _ fields: consuming RecordFields) throws(RecordDamage) -> Fact {
        var fields = fields
        fields.skip(headByteCount)
        let fact = try decodeFact(kind, &fields)
        if fields.remaining > 0 { throw .trailingBytes(fields.remaining) }
        return fact
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
            let cause = try fields.byte("cause")
            guard let cause = SessionEndCause(rawValue: cause) else { throw .unknownValue("cause", cause) }
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
        let causeByte = try fields.byte("cause")
        guard let cause = DisconnectCause(rawValue: causeByte) else { throw .unknownValue("cause", causeByte) }
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
