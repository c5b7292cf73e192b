// What a connection is sent when it catches up must be what it would have been sent: the same bytes, from the log alone.

import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct `Catching up` {
    private let folder = TemporaryFolder()

    /// A log, what its plans order for every connection, and where each of these is open.
    private struct Recorded {
        var log: EventLog
        var configuration: EngineConfiguration
        var sent: [ConnectionID: [UInt8]]
        var spans: [(connection: ConnectionID, opened: Position, closed: Position)]
    }

    private func record(seed: UInt64, events count: Int) throws -> Recorded {
        var generator = EventGenerator(seed: seed)
        let events = generator.session(events: count)
        var builder = try LogBuilder(folder.path)
        try builder.write(events)
        var engine = Engine()
        var reader = PlanReader()
        var rest = events[...]
        while !rest.isEmpty {
            reader.perform(engine.apply(rest.prefix(Int(seed % 5) * 7 + 1)))
            rest = rest.dropFirst(Int(seed % 5) * 7 + 1)
        }
        let spans = try events.compactMap { event -> (ConnectionID, Position, Position)? in
            guard case .connected(let fact) = event.fact,
                let span = try builder.log.span(of: fact.connection), let closed = span.closed
            else { return nil }
            return (fact.connection, span.opened, closed)
        }
        return Recorded(
            log: builder.log, configuration: generator.configuration, sent: reader.sent, spans: spans)
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func `gives every connection the bytes of the live path, in chunks of any size`(seed: UInt64) throws {
        let recorded = try record(seed: seed, events: 400)
        #expect(recorded.spans.count > 20)
        for bytesMax in [1, 300, 1 << 20] {
            let catchUp = CatchUp(recorded.log, configuration: recorded.configuration, bytesMax: bytesMax)
            for (connection, opened, closed) in recorded.spans where closed > opened.next {
                var ring = FrameRing()
                var bytes = ByteBuffer()
                var next = opened.next
                while next < closed {
                    let chunk = try catchUp.read(
                        CatchUp.Request(first: next, last: closed.previous, offset: ring.head), for: connection)
                    #expect(chunk.last >= next && chunk.last < closed)
                    // The marks say which position ends where.
                    #expect(chunk.run.marks.allSatisfy { $0.position >= next && $0.position <= chunk.last })
                    #expect(chunk.run.marks.last?.end ?? chunk.run.start == chunk.run.end)
                    ring.append(chunk.run)
                    next = chunk.last.next
                }
                ring.copy(from: 0, limit: .max, into: &bytes)
                #expect(bytes.bytes == recorded.sent[connection] ?? [], "seed \(seed), \(connection)")
            }
        }
    }

    @Test func `takes no more at a time than it may, but for one delivery`() throws {
        let recorded = try record(seed: 1, events: 400)
        let (connection, opened, closed) = try #require(
            recorded.spans.max { $0.closed.rawValue - $0.opened.rawValue < $1.closed.rawValue - $1.opened.rawValue })
        let catchUp = CatchUp(recorded.log, configuration: recorded.configuration, bytesMax: 500)
        let chunk = try catchUp.read(
            CatchUp.Request(first: opened.next, last: closed.previous, offset: 0), for: connection)
        let largest = zip(chunk.run.marks, chunk.run.marks.dropFirst()).map { $1.end - $0.end }.max() ?? 0
        #expect(chunk.last < closed.previous)
        #expect(UInt64(chunk.run.bytes.readableBytes) <= 500 + max(largest, 2000))
    }

    @Test func `fails where the log has not what was asked for`() throws {
        let recorded = try record(seed: 2, events: 20)
        let catchUp = CatchUp(recorded.log, configuration: recorded.configuration)
        let end = try recorded.log.tail().position
        #expect(throws: LogError.self) {
            try catchUp.read(
                CatchUp.Request(first: end.next, last: end.next.next, offset: 0), for: recorded.spans[0].connection)
        }
    }
}
