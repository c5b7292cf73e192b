// The record that a log consists of, nearly all of it: read by offset, in one go.

internal import NIOCore

/// Reads the records of messages whose route has a short name, refused messages included.
///
/// It decides nothing but "this is the common case, and in order". Whatever else there is, damage included, is no
/// `MessageRecord`, and `RecordFields` reads it field by field: so each rule is written, and reported, once.
enum MessageRecord {
    private static let connectionOffset = EventCodec.headByteCount
    private static let messageOffset = connectionOffset + Token.byteCount
    private static let requestOffset = messageOffset + Token.byteCount
    private static let opcodeOffset = requestOffset + Token.byteCount
    private static let refusalOffset = opcodeOffset + 1
    private static let routeLengthOffset = refusalOffset + 1
    private static let routeOffset = routeLengthOffset + 1

    /// Reads one record.
    ///
    /// - Parameters:
    ///   - record: the record's bytes, of which the head and the chain hash have been looked at.
    ///   - chunk: the buffer that holds the record; the message's body shares its storage.
    ///   - start: the index in `chunk` of the record's first byte.
    /// - Returns: `nil` where the general reader must look.
    @inline(__always)
    static func read(
        _ record: RawSpan, in chunk: ByteBuffer, at start: Int, names: inout RecentTexts
    ) -> Message? {
        let end = record.byteCount &- EventCodec.chainByteCount
        guard end >= routeOffset, record.recordByte(at: 1) == EventCodec.Kind.message.rawValue else { return nil }
        let routeByteCount = Int(record.recordByte(at: routeLengthOffset))
        let bodyOffset = routeOffset &+ routeByteCount
        guard routeByteCount < 0x80, bodyOffset <= end,  // one byte of LEB128
            let opcode = MessageOpcode(rawValue: record.recordByte(at: opcodeOffset)),
            let body = chunk.getSlice(at: start &+ bodyOffset, length: end &- bodyOffset)
        else { return nil }
        let outcome: RouteOutcome
        switch record.recordByte(at: refusalOffset) {
        case 0:
            outcome = .route(names.text(from: routeOffset, to: bodyOffset, in: record))
        case let byte:
            guard routeByteCount == 0, let refusal = Refusal(rawValue: byte) else { return nil }
            outcome = .refused(refusal)
        }
        return Message(
            connection: ConnectionID(token: record.token(at: connectionOffset)),
            message: MessageID(token: record.token(at: messageOffset)),
            request: RequestID(token: record.token(at: requestOffset)), opcode: opcode, body: body, outcome: outcome)
    }
}

/// The short texts that were read lately: a name that comes with every record becomes a `String` once.
struct RecentTexts: Sendable {
    private struct Entry: Sendable {
        var byteCount: Int
        var words: (UInt64, UInt64)
        var text: String
    }

    private var entries: [Entry] = []
    /// How many texts are kept.
    private static let countMax = 16
    /// The longest text that is kept, bytes.
    private static let byteCountMax = 16

    /// The text of a range of `record`; what is not UTF-8 in it becomes U+FFFD.
    mutating func text(from start: Int, to end: Int, in record: RawSpan) -> String {
        let count = end &- start
        guard count <= RecentTexts.byteCountMax, start &+ RecentTexts.byteCountMax <= record.byteCount else {
            return RecentTexts.decode(from: start, to: end, in: record)
        }
        let words = (
            record.recordWord(at: start) & RecentTexts.mask(byteCount: count),
            record.recordWord(at: start &+ 8) & RecentTexts.mask(byteCount: count &- 8)
        )
        for index in entries.indices where entries[index].words == words && entries[index].byteCount == count {
            return entries[index].text
        }
        let text = RecentTexts.decode(from: start, to: end, in: record)
        if entries.count == RecentTexts.countMax { entries.removeAll(keepingCapacity: true) }
        entries.append(Entry(byteCount: count, words: words, text: text))
        return text
    }

    /// Ones in the lowest bytes of a word, at most all and at least none of them.
    @inline(__always)
    private static func mask(byteCount: Int) -> UInt64 {
        byteCount >= 8 ? .max : byteCount <= 0 ? 0 : (1 &<< UInt64(truncatingIfNeeded: byteCount &* 8)) &- 1
    }

    @inline(never)
    private static func decode(from start: Int, to end: Int, in record: RawSpan) -> String {
        String(decoding: (start..<end).map { record.recordByte(at: $0) }, as: UTF8.self)
    }
}

extension RawSpan {
    /// The byte at `offset`; traps outside of the record. "unsafe" is about types for which not every bit pattern is a
    /// value: these are integers.
    @inline(__always)
    func recordByte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }

    /// The little-endian word at `offset`.
    @inline(__always)
    func recordWord(at offset: Int) -> UInt64 {
        UInt64(littleEndian: unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The 11 bytes of a token: a word, and the last three bytes of the word that ends with them.
    @inline(__always)
    fileprivate func token(at offset: Int) -> Token {
        let high = unsafe unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
        let low = unsafe unsafeLoadUnaligned(fromByteOffset: offset &+ 7, as: UInt32.self)
        return Token(high: UInt64(bigEndian: high), low: UInt32(bigEndian: low))
    }
}
