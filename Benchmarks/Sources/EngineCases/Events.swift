import NIOCore
import Reprise

extension Case {
    static let events = [
        Case("codec: a message encoded") { operations in
            let events = Fixture.messages(operations)
            var buffer = ByteBuffer()
            return Work {
                var hash: UInt64 = 0
                for event in events {
                    buffer.clear()
                    hash = EventCodec.encode(event, previousHash: hash, into: &buffer)
                }
                consume(hash)
            }
        },
        Case("codec: a message decoded") { operations in
            var records: [ByteBuffer] = []
            var hash: UInt64 = 0
            for event in Fixture.messages(operations) {
                var record = ByteBuffer()
                hash = EventCodec.encode(event, previousHash: hash, into: &record)
                records.append(record)
            }
            return Work {
                var hash: UInt64 = 0
                for index in records.indices {
                    hash = try EventCodec.decode(
                        records[index], at: Position(UInt64(index + 1)), previousHash: hash
                    ).hash
                }
                consume(hash)
            }
        },
        Case("projection: a message folded") { operations in
            var projection = Projection()
            var events = Fixture.messages(operations)
            return Work(prepare: { events.moveOn() }) {
                for event in events { Projector.fold(event, into: &projection) }
            }
        },
        Case("projection: a connect or a disconnect folded", operations: 2000) { operations in
            var projection = Projection()
            let count = operations / 2
            let events =
                (0..<count).map { Fixture.event(Fixture.connected($0), $0 + 1) }
                + (0..<count).map { Fixture.event(Fixture.disconnected($0), count + $0 + 1) }
            return Work { for event in events { Projector.fold(event, into: &projection) } }
        },
        Case("digest: XXH64 of 64 bytes") { operations in
            let bytes = Array(repeating: 7 as UInt8, count: 64)
            return Work {
                var hash: UInt64 = 0
                for _ in 0..<operations { hash = unsafe XXH64.hash(bytes.span.bytes, seed: hash) }
                consume(hash)
            }
        },
        Case("digest: XXH64 of 16 KiB", operations: 10) { operations in
            let bytes = Array(repeating: 7 as UInt8, count: 16 << 10)
            return Work {
                var hash: UInt64 = 0
                for _ in 0..<operations { hash = unsafe XXH64.hash(bytes.span.bytes, seed: hash) }
                consume(hash)
            }
        },
    ]
}
