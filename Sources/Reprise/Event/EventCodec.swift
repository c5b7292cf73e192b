// The bytes of an event in the log. On-disk bytes are a contract: `Tests/RepriseTests/Golden/events-v1.hex` holds one
// record of every kind, and an unknown version or kind is refused by name.

public import NIOCore

/// Turns events into records and back.
///
/// Shape, integers little-endian; a *text* is its UTF-8 length as LEB128, then its bytes; an *id* is 11 bytes:
///
///      0         1      2        10            n-8        n
///      ┌─────────┬──────┬─────────┬──── ⋯ ──────┬──────────┐
///      │ version │ kind │ time i64│ fields      │ chain u64│
///      └─────────┴──────┴─────────┴──── ⋯ ──────┴──────────┘
///
///      1 sessionStarted  session u64 · version text · node text · expression text · frameBytesMax u64
///                        · routes LEB128 · each text
///      2 connected       connection id · request id · sourceIP text · host text · stage text · query text
///                        · subprotocol text? · principal text? · headers LEB128 · each name text, value text
///      3 message         connection id · message id · request id · opcode u8 · refusal u8 (0: none) · route text
///                        · body (up to the chain hash)
///      4 sent            request id · target u8 (0 everyone, 1 one) · connection id if one · opcode u8 · body
///      5 disconnected    connection id · request id · code u16 · cause u8 · deliveredThrough u64 (0: none)
///                        · deliveredAtLeast u64 (0: none) · bytesSent u64 · reason text
///      6 skipped         connection id · first u64 · last u64
///      7 sessionEnded    cause u8
///
/// *text?* is a byte 0, or a byte 1 and a text. The chain hash is XXH64 of (position ‖ the record's bytes before the
/// hash), seeded with the hash of the record before. The position itself is the LMDB key.
public enum EventCodec {
    /// The version that this build writes and reads.
    public static let formatVersion: UInt8 = 1

    /// Bytes of the chain hash at a record's end.
    static let chainByteCount = 8
    /// Bytes before the fields.
    static let headByteCount = 10

    enum Kind: UInt8 {
        case sessionStarted = 1, connected, message, sent, disconnected, skipped, sessionEnded
    }

    /// The seed of the first record after `position` in the log that `log` names.
    public static func firstSeed(log: LogID, after position: Position) -> UInt64 {
        XXH64.hash((log.rawValue, position.rawValue))
    }

    /// Appends the record of `event` to `buffer`.
    ///
    /// - Parameter previousHash: the chain hash of the record before, or `firstSeed`.
    /// - Returns: the record's own chain hash.
    public static func encode(_ event: Event, previousHash: UInt64, into buffer: inout ByteBuffer) -> UInt64 {
        var hash: UInt64 = 0
        buffer.writeWithOutputRawSpan(minimumWritableBytes: RecordSize.record(of: event.fact)) { record in
            hash = encode(event, previousHash: previousHash, into: &record)
        }
        return hash
    }

    /// Writes the record of `event` into a span that is empty, and has room for `RecordSize.record(of:)` bytes.
    static func encode(_ event: Event, previousHash: UInt64, into record: inout OutputRawSpan) -> UInt64 {
        record.writeInteger(formatVersion)
        record.writeInteger(kind(of: event.fact).rawValue)
        record.writeInteger(event.time.rawValue)
        encodeFields(of: event.fact, into: &record)
        let hash = XXH64.hash(prefix: event.position.rawValue, record.bytes, seed: previousHash)
        record.writeInteger(hash)
        return hash
    }

    static func kind(of fact: Fact) -> Kind {
        switch fact {
        case .sessionStarted: .sessionStarted
        case .connected: .connected
        case .message: .message
        case .sent: .sent
        case .disconnected: .disconnected
        case .skipped: .skipped
        case .sessionEnded: .sessionEnded
        }
    }

    private static func encodeFields(of fact: Fact, into record: inout OutputRawSpan) {
        switch fact {
        case .message(let message):
            encode(message, into: &record)
        case .sent(let sent):
            record.writeToken(sent.request.token)
            switch sent.target {
            case .everyone:
                record.writeInteger(0 as UInt8)
            case .connection(let connection):
                record.writeInteger(1 as UInt8)
                record.writeToken(connection.token)
            }
            record.writeInteger(sent.opcode.rawValue)
            record.writeBytes(sent.body.readableBytesSpan)
        case .connected(let connected):
            encode(connected, into: &record)
        case .disconnected(let disconnected):
            record.writeToken(disconnected.connection.token)
            record.writeToken(disconnected.request.token)
            record.writeInteger(disconnected.code.rawValue)
            record.writeInteger(disconnected.cause.rawValue)
            record.writeInteger(disconnected.deliveredThrough?.rawValue ?? 0)
            record.writeInteger(disconnected.deliveredAtLeast?.rawValue ?? 0)
            record.writeInteger(disconnected.bytesSent)
            record.writeText(disconnected.reason)
        case .skipped(let skipped):
            record.writeToken(skipped.connection.token)
            record.writeInteger(skipped.first.rawValue)
            record.writeInteger(skipped.last.rawValue)
        case .sessionStarted(let started):
            record.writeInteger(started.session.rawValue)
            record.writeText(started.version)
            record.writeText(started.node)
            record.writeText(started.configuration.routes.selectionExpression.text)
            record.writeInteger(UInt64(started.configuration.frameBytesMax))
            record.writeLength(started.configuration.routes.routes.count)
            for route in started.configuration.routes.routes { record.writeText(route.description) }
        case .sessionEnded(let cause):
            record.writeInteger(cause.rawValue)
        }
    }

    private static func encode(_ message: Message, into record: inout OutputRawSpan) {
        record.writeToken(message.connection.token)
        record.writeToken(message.message.token)
        record.writeToken(message.request.token)
        record.writeInteger(message.opcode.rawValue)
        switch message.outcome {
        case .route(let key):
            record.writeInteger(0 as UInt8)
            record.writeText(key)
        case .refused(let refusal):
            record.writeInteger(refusal.rawValue)
            record.writeText("")
        }
        record.writeBytes(message.body.readableBytesSpan)
    }

    private static func encode(_ connected: Connected, into record: inout OutputRawSpan) {
        record.writeToken(connected.connection.token)
        record.writeToken(connected.request.token)
        record.writeText(connected.sourceIP)
        record.writeText(connected.host)
        record.writeText(connected.stage)
        record.writeText(connected.query)
        record.writeOptionalText(connected.subprotocol)
        record.writeOptionalText(connected.principal)
        record.writeLength(connected.headers.count)
        for header in connected.headers {
            record.writeText(header.name)
            record.writeText(header.value)
        }
    }
}
