import LMDB
import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogModelTests {
    /// Everything that can be read of the log, against what the array says.
    private func compare(_ log: EventLog, with events: [Event], random: inout SeededGenerator) throws {
        let count = UInt64(events.count)
        let tail = try log.tail()
        #expect(tail.position == Position(count))
        #expect(tail.time == events.last?.time ?? Timestamp(rawValue: 0))
        #expect(try log.firstPosition() == events.first?.position)
        let start = UInt64.random(in: 1...count + 1, using: &random)
        let end = UInt64.random(in: start...count + 2, using: &random)
        var reader = try LogReader(log, from: Position(start))
        #expect(
            try reader.read(through: Position(end))
                == Array(events.dropFirst(Int(start) - 1).prefix(Int(end - start) + 1)))

        var spans: [ConnectionID: ConnectionSpan] = [:]
        var sessions: [Session] = []
        for event in events {
            switch event.fact {
            case .connected(let connected):
                spans[connected.connection] = ConnectionSpan(opened: event.position, closed: nil)
            case .disconnected(let disconnected):
                spans[disconnected.connection]?.closed = event.position
            case .sessionStarted(let started):
                sessions.append(Session(id: started.session, first: event.position, startedAt: event.time))
            case .sessionEnded(let cause):
                sessions[sessions.count - 1].last = event.position
                sessions[sessions.count - 1].endedAt = event.time
                sessions[sessions.count - 1].cause = cause
            case .message, .sent, .skipped: break
            }
        }
        #expect(try log.sessions() == sessions)
        for (connection, span) in spans { #expect(try log.span(of: connection) == span) }
        if let middle = events.randomElement(using: &random) {
            let expected = events.first { $0.time >= middle.time }?.position
            #expect(try log.firstPosition(atOrAfter: middle.time) == expected)
        }
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `the log holds what an array would, also when it is reopened after every commit`(seed: UInt64) throws {
        let folder = TemporaryFolder()
        var generator = EventGenerator(seed: seed)
        var rest =
            (generator.session(events: 120) + generator.session(events: 0) + generator.unfinishedSession(events: 90))[
                ...]
        var model: [Event] = []
        while !rest.isEmpty {
            let batch = Array(rest.prefix(Int.random(in: 1...40, using: &generator.random)))
            rest = rest.dropFirst(batch.count)
            // A new environment each time: nothing may live in memory only.
            var builder = try LogBuilder(folder.path)
            try builder.writeOnly(batch)
            model += batch
            try compare(builder.log, with: model, random: &generator.random)
        }
        let reopened = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        try compare(reopened, with: model, random: &generator.random)
        #expect(reopened.id == LogID(rawValue: 0x1234_5678_9ABC_DEF0))
    }

    @Test func `a commit that fails leaves the log and the writer as they were`() throws {
        let folder = TemporaryFolder()
        var generator = EventGenerator(seed: 9)
        let log = try EventLog(
            path: folder.path, access: .create(mapBytes: 200 << 10, synchronization: .onRequest),
            newID: LogID(rawValue: 1))
        var writer = try LogWriter(log)
        try writer.commit(generator.session(events: 20))
        let tail = writer.tail
        let large = generator.session(events: 20_000)
        #expect(throws: LMDBError.self) { try writer.commit(large) }
        #expect(writer.tail == tail)
        #expect(try log.tail() == tail)
        try writer.commit(Array(large.prefix(5)))
        #expect(try log.tail().position.rawValue == tail.position.rawValue + 5)
        #expect(try log.events(from: tail.position.next) == Array(large.prefix(5)))
    }

    @Test func `reading past the end is damage, not silence`() throws {
        let folder = TemporaryFolder()
        let builder = try LogBuilder(folder.path)
        #expect(throws: LogError.damaged(position: Position(6), reason: "the record is missing")) {
            try LogReader(builder.log, from: Position(7))
        }
    }

    @Test func `a folder without a log, with another format or with something else is refused`() throws {
        let folder = TemporaryFolder()
        func open() throws -> EventLog {
            try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        }
        #expect(throws: LogError.noLog(path: folder.path)) { try open() }
        do {
            let builder = try LogBuilder(folder.path)
            let transaction = try WriteTransaction(builder.log.environment)
            try transaction.put((7 as UInt64).littleEndianBytes, for: MetaKey.format, in: builder.log.tables.meta)
            try transaction.commit()
        }
        #expect(throws: LogError.unknownFormat(path: folder.path, found: 7)) { try open() }
        #expect(throws: LogError.logExists(path: folder.path)) {
            try EventLog(
                path: folder.path, access: .create(mapBytes: 1 << 20, synchronization: .onRequest),
                newID: LogID(rawValue: 0))
        }
        let other = TemporaryFolder()
        do {
            let environment = try Environment(path: other.path, options: .init(mapBytes: 1 << 20))
            let transaction = try WriteTransaction(environment)
            _ = try transaction.makeBytesTable("theirs")
            try transaction.commit()
        }
        #expect(throws: LogError.notALog(path: other.path)) {
            try EventLog(path: other.path, access: .read, newID: LogID(rawValue: 0))
        }
    }
}
