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
        let start = buffer.writerIndex
        buffer.writeInteger(formatVersion)
        buffer.writeInteger(kind(of: event.fact).rawValue)
        buffer.writeInteger(event.time.rawValue, endianness: .little)
        encodeFields(of: event.fact, into: &buffer)
        let recordOffset = start - buffer.readerIndex
        let hash = XXH64.hash(
            prefix: event.position.rawValue, buffer.readableBytesSpan.extracting(recordOffset...), seed: previousHash)
        buffer.writeInteger(hash, endianness: .little)
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

    private static func encodeFields(of fact: Fact, into buffer: inout ByteBuffer) {
        switch fact {
        case .message(let message):
            buffer.writeToken(message.connection.token)
            buffer.writeToken(message.message.token)
            buffer.writeToken(message.request.token)
            buffer.writeInteger(message.opcode.rawValue)
            switch message.outcome {
            case .route(let key):
                buffer.writeInteger(0 as UInt8)
                buffer.writeText(key)
            case .refused(let refusal):
                buffer.writeInteger(refusal.rawValue)
                buffer.writeText("")
            }
            buffer.writeImmutableBuffer(message.body)
        case .sent(let sent):
            buffer.writeToken(sent.request.token)
            switch sent.target {
            case .everyone:
                buffer.writeInteger(0 as UInt8)
            case .connection(let connection):
                buffer.writeInteger(1 as UInt8)
                buffer.writeToken(connection.token)
            }
            buffer.writeInteger(sent.opcode.rawValue)
            buffer.writeImmutableBuffer(sent.body)
        case .connected(let connected):
            encode(connected, into: &buffer)
        case .disconnected(let disconnected):
            buffer.writeToken(disconnected.connection.token)
            buffer.writeToken(disconnected.request.token)
            buffer.writeInteger(disconnected.code.rawValue, endianness: .little)
            buffer.writeInteger(disconnected.cause.rawValue)
            buffer.writeInteger(disconnected.deliveredThrough?.rawValue ?? 0, endianness: .little)
            buffer.writeInteger(disconnected.deliveredAtLeast?.rawValue ?? 0, endianness: .little)
            buffer.writeInteger(disconnected.bytesSent, endianness: .little)
            buffer.writeText(disconnected.reason)
        case .skipped(let skipped):
            buffer.writeToken(skipped.connection.token)
            buffer.writeInteger(skipped.first.rawValue, endianness: .little)
            buffer.writeInteger(skipped.last.rawValue, endianness: .little)
        case .sessionStarted(let started):
            buffer.writeInteger(started.session.rawValue, endianness: .little)
            buffer.writeText(started.version)
            buffer.writeText(started.node)
            buffer.writeText(started.configuration.routes.selectionExpression.text)
            buffer.writeInteger(UInt64(started.configuration.frameBytesMax), endianness: .little)
            buffer.writeLength(started.configuration.routes.routes.count)
            for route in started.configuration.routes.routes { buffer.writeText(route.description) }
        case .sessionEnded(let cause):
            buffer.writeInteger(cause.rawValue)
        }
    }

    private static func encode(_ connected: Connected, into buffer: inout ByteBuffer) {
        buffer.writeToken(connected.connection.token)
        buffer.writeToken(connected.request.token)
        buffer.writeText(connected.sourceIP)
        buffer.writeText(connected.host)
        buffer.writeText(connected.stage)
        buffer.writeText(connected.query)
        buffer.writeOptionalText(connected.subprotocol)
        buffer.writeOptionalText(connected.principal)
        buffer.writeLength(connected.headers.count)
        for header in connected.headers {
            buffer.writeText(header.name)
            buffer.writeText(header.value)
        }
    }
}

extension ByteBuffer {
    /// Writes the 11 bytes of a token.
    mutating func writeToken(_ token: Token) {
        writeInteger(token.high, endianness: .big)
        writeInteger(UInt8(truncatingIfNeeded: token.low >> 16))
        writeInteger(UInt16(truncatingIfNeeded: token.low), endianness: .big)
    }

    /// Writes a length as LEB128: 7 bits a byte, least significant first, the top bit set on all but the last.
    mutating func writeLength(_ length: Int) {
        var rest = UInt64(length)
        while rest >= 0x80 {
            writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    /// Writes a length and UTF-8.
    mutating func writeText(_ text: String) {
        writeLength(text.utf8.count)
        writeString(text)
    }

    /// Writes a byte 0, or a byte 1 and a text.
    mutating func writeOptionalText(_ text: String?) {
        writeInteger((text == nil ? 0 : 1) as UInt8)
        if let text { writeText(text) }
    }
}
