import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct EventCodecTests {
    private func records(_ events: [Event], log: LogID) -> [ByteBuffer] {
        var hash = EventCodec.firstSeed(log: log, after: .zero)
        return events.map { event in
            var record = ByteBuffer()
            hash = EventCodec.encode(event, previousHash: hash, into: &record)
            return record
        }
    }

    /// The record again with a chain hash that fits whatever its bytes are.
    private func sealed(_ content: some Sequence<UInt8>, at position: Position) -> ByteBuffer {
        var record = ByteBuffer(bytes: content)
        let hash = XXH64.hash(prefix: position.rawValue, record.readableBytesSpan, seed: 0)
        record.writeInteger(hash, endianness: .little)
        return record
    }

    @Test func `the bytes of every kind are those of the golden file`() throws {
        let lines = zip(GoldenEvents.events, records(GoldenEvents.events, log: GoldenEvents.log)).map { event, record in
            event.fact.word + " "
                + record.readableBytesView.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() + "\n"
        }
        try GoldenFile("events-v1.hex").expect(lines.joined())
    }

    @Test func `every kind is read back as it was written`() throws {
        var events = GoldenEvents.events
        var generator = EventGenerator(seed: 1)
        events += generator.session(events: 2000)
        var hash: UInt64 = 7
        for event in events {
            var record = ByteBuffer()
            let written = EventCodec.encode(event, previousHash: hash, into: &record)
            let read = try EventCodec.decode(record, at: event.position, previousHash: hash)
            #expect(read.event == event)
            #expect(read.hash == written)
            hash = written
        }
    }

    @Test func `names of routes are kept apart from record to record, whatever their length`() throws {
        var names = RecentTexts()
        let routes = (0..<40).map { String(repeating: "r", count: $0 % 20 + 1) + ($0 < 20 ? "" : "é") }
        for route in routes + routes.reversed() {
            for body in ["", "x"] {
                let message = Message(
                    connection: ConnectionID(token: Token(high: 1, low: 2)),
                    message: MessageID(token: Token(high: .max, low: 0xFF_FFFF)),
                    request: RequestID(token: Token(high: 3, low: 4)), opcode: .binary, body: ByteBuffer(string: body),
                    outcome: .route(route))
                let event = Event(
                    position: Position(9), time: Timestamp(rawValue: -1), fact: .message(message))
                var record = ByteBuffer(string: "before")
                var hash: UInt64 = 5
                let start = record.writerIndex
                var alone = ByteBuffer()
                _ = EventCodec.encode(event, previousHash: hash, into: &alone)
                record.writeImmutableBuffer(alone)
                let read = try EventCodec.decode(
                    record, record.readableBytesSpan, start..<record.writerIndex, at: event.position, hash: &hash,
                    names: &names)
                #expect(read == event)
            }
        }
    }

    @Test func `a record that was cut at any offset is refused`() {
        for event in GoldenEvents.events {
            var record = ByteBuffer()
            _ = EventCodec.encode(event, previousHash: 7, into: &record)
            for length in 0..<record.readableBytes {
                let cut = record.getSlice(at: 0, length: length) ?? ByteBuffer()
                #expect(throws: RecordDamage.self) {
                    try EventCodec.decode(cut, at: event.position, previousHash: 7)
                }
            }
        }
    }

    @Test func `a record with any single byte changed is refused`() {
        for event in GoldenEvents.events {
            var record = ByteBuffer()
            _ = EventCodec.encode(event, previousHash: 7, into: &record)
            let bytes = Array(record.readableBytesView)
            for index in bytes.indices {
                for change in [0x01, 0x80, 0xFF] as [UInt8] {
                    var changed = bytes
                    changed[index] ^= change
                    #expect(throws: RecordDamage.self) {
                        try EventCodec.decode(ByteBuffer(bytes: changed), at: event.position, previousHash: 7)
                    }
                }
            }
        }
    }

    @Test func `a record under another position or after another record is refused`() {
        for event in GoldenEvents.events {
            var record = ByteBuffer()
            _ = EventCodec.encode(event, previousHash: 7, into: &record)
            #expect(throws: RecordDamage.self) {
                try EventCodec.decode(record, at: event.position.next, previousHash: 7)
            }
            #expect(throws: RecordDamage.self) {
                try EventCodec.decode(record, at: event.position, previousHash: 8)
            }
        }
    }

    @Test func `reading never traps, even where the chain hash fits the damage`() {
        var random = SeededGenerator(seed: 3)
        for event in GoldenEvents.events {
            var record = ByteBuffer()
            _ = EventCodec.encode(event, previousHash: 0, into: &record)
            let content = Array(record.readableBytesView.dropLast(EventCodec.chainByteCount))
            for length in content.indices {
                let cut = sealed(content.prefix(length), at: event.position)
                _ = try? EventCodec.decode(cut, at: event.position, previousHash: 0)
            }
            for index in content.indices {
                var changed = content
                changed[index] = UInt8(truncatingIfNeeded: random.next())
                let record = sealed(changed, at: event.position)
                // What is accepted must be writable again: damage must not become a value that cannot be.
                if let read = try? EventCodec.decode(record, at: event.position, previousHash: 0) {
                    var again = ByteBuffer()
                    _ = EventCodec.encode(read.event, previousHash: 0, into: &again)
                }
            }
        }
    }

    @Test func `an unknown version and an unknown kind are refused by name`() {
        let content: [UInt8] = [1, 99] + [UInt8](repeating: 0, count: 8)
        let position = Position(5)
        #expect(throws: RecordDamage.unknownKind(99)) {
            try EventCodec.decode(sealed(content, at: position), at: position, previousHash: 0)
        }
        #expect(throws: RecordDamage.unknownVersion(2)) {
            try EventCodec.decode(sealed([2] + content.dropFirst(), at: position), at: position, previousHash: 0)
        }
    }

    @Test func `a cause that a newer build has added is refused by name`() throws {
        let ended = Event(position: Position(5), time: Timestamp(rawValue: 0), fact: .sessionEnded(.shutdown))
        var record = ByteBuffer()
        _ = EventCodec.encode(ended, previousHash: 0, into: &record)
        var content = Array(record.readableBytesView.dropLast(8))
        content[content.count - 1] = 200
        #expect(throws: RecordDamage.unknownValue("cause", 200)) {
            try EventCodec.decode(sealed(content, at: ended.position), at: ended.position, previousHash: 0)
        }
    }

    @Test func `bytes after the last field are refused`() {
        let content: [UInt8] = [1, 7] + [UInt8](repeating: 0, count: 8) + [1, 0]
        #expect(throws: RecordDamage.trailingBytes(1)) {
            try EventCodec.decode(sealed(content, at: Position(1)), at: Position(1), previousHash: 0)
        }
    }
}
