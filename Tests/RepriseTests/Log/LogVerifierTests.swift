import LMDB
import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogVerifierTests {
    private let folder = TemporaryFolder()

    /// Two whole sessions and one that runs, with checkpoints and snapshots.
    private func makeLog(_ seed: UInt64 = 51) throws -> [Event] {
        var generator = EventGenerator(seed: seed)
        var builder = try LogBuilder(folder.path)
        var all: [Event] = []
        for events in [
            generator.session(events: 1500), generator.session(events: 40), generator.unfinishedSession(events: 300),
        ] {
            try builder.write(events)
            all += events
        }
        try builder.writeCheckpoint()
        return all
    }

    private func verify() throws -> VerifyReport {
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        var verifier = try LogVerifier(log)
        return try verifier.run()
    }

    private func damage(_ plant: (PlantedDamage) throws -> Void) throws -> LogError? {
        try plant(try PlantedDamage(in: folder.path))
        return #expect(throws: LogError.self) { try verify() }
    }

    /// The position that damage to the events is reported at.
    private func damagedPosition(_ plant: (PlantedDamage) throws -> Void) throws -> UInt64? {
        guard case .damaged(let position, _) = try damage(plant) else { return nil }
        return position.rawValue
    }

    private func damagedTable(_ plant: (PlantedDamage) throws -> Void) throws -> String? {
        guard case .derivedDamaged(let table, let key, _) = try damage(plant) else { return nil }
        return "\(table) \(key)"
    }

    @Test func `a sound log is found sound`() throws {
        let events = try makeLog()
        let report = try verify()
        #expect(report.events == UInt64(events.count))
        #expect(report.last.rawValue == UInt64(events.count))
        #expect(report.sessions == 3)
        #expect(report.checkpoints == 3)
        #expect(report.snapshots == 2)
        let connects = events.count { if case .connected = $0.fact { true } else { false } }
        #expect(report.connections == connects)
        #expect(report.openConnections > 0)
    }

    @Test func `an empty log is sound`() throws {
        do { _ = try LogBuilder(folder.path) }
        #expect(try verify() == VerifyReport())
    }

    @Test func `a changed byte is found at its position`() throws {
        let events = try makeLog()
        for index in [0, 1, 700, events.count - 1] {
            let found = try damagedPosition { plant in
                try plant.records { $0[index].1[12] ^= 0x40 }
            }
            #expect(found == UInt64(index) + 1)
            try PlantedDamage(in: folder.path).records { $0[index].1[12] ^= 0x40 }
        }
        _ = try verify()
    }

    @Test func `a record that was encoded anew is found where the chain breaks behind it`() throws {
        let events = try makeLog()
        let index = try #require(
            events.firstIndex { if case .message = $0.fact { $0.position.rawValue > 500 } else { false } })
        let found = try damagedPosition { plant in
            try plant.records { records in
                guard case .message(var message) = events[index].fact else { return }
                message.body = ByteBuffer(string: "forged")
                var forged = events[index]
                forged.fact = .message(message)
                let previous = UInt64(littleEndian: Array(records[index - 1].1.suffix(8))) ?? 0
                var record = ByteBuffer()
                _ = EventCodec.encode(forged, previousHash: previous, into: &record)
                records[index].1 = Array(record.readableBytesView)
            }
        }
        #expect(found == UInt64(index) + 2)
    }

    @Test func `a missing record is found at its position`() throws {
        _ = try makeLog()
        #expect(try damagedPosition { plant in try plant.records { $0.remove(at: 99) } } == 100)
    }

    @Test func `a missing first record is found`() throws {
        _ = try makeLog()
        #expect(try damagedPosition { plant in try plant.records { $0.removeFirst() } } == 1)
    }

    @Test func `a missing tail is found up to what a checkpoint names`() throws {
        let events = try makeLog()
        let found = try damagedPosition { plant in try plant.records { $0.removeLast(3) } }
        #expect(found == UInt64(events.count) - 2)
    }

    @Test func `two swapped records are found at the first of them`() throws {
        _ = try makeLog()
        let found = try damagedPosition { plant in
            try plant.records { records in
                let bytes = records[200].1
                records[200].1 = records[201].1
                records[201].1 = bytes
            }
        }
        #expect(found == 201)
    }

    @Test func `a lost event in a log whose chain is right is found by its order`() throws {
        var generator = EventGenerator(seed: 52)
        let events = generator.session(events: 100)
        do { _ = try LogBuilder(folder.path) }

        /// Positions made gapless again after something was taken out or put in.
        func numbered(_ events: [Event]) -> [Event] {
            events.enumerated().map { index, event in
                var event = event
                event.position = Position(UInt64(index) + 1)
                if case .skipped = event.fact {
                    event.fact = .sent(
                        Sent(request: GoldenEvents.request(1), target: .everyone, opcode: .text, body: ByteBuffer()))
                }
                return event
            }
        }
        func position(_ change: (inout [Event]) -> Void) throws -> UInt64? {
            var changed = events
            change(&changed)
            return try damagedPosition { try $0.rewrite(numbered(changed)) }
        }
        let open = try #require(events.firstIndex { if case .connected = $0.fact { true } else { false } })
        let close = try #require(events.firstIndex { if case .disconnected = $0.fact { true } else { false } })

        // Double open: the same connection again, while it is open.
        #expect(try position { $0.insert($0[open], at: open + 1) } == UInt64(open) + 2)
        // Lost close: found where the session ends with an open connection.
        #expect(try position { $0.remove(at: close) } == UInt64(events.count) - 1)
        // Double close.
        #expect(try position { $0.insert($0[close], at: close + 1) } == UInt64(close) + 2)
        // An id that is used again after its close.
        guard case .disconnected(let closed) = events[close].fact,
            let first = events.first(where: { $0.fact.connection == closed.connection })
        else { throw LogError.noLog(path: "") }
        #expect(
            try position { events in
                var again = first
                again.time = events[close].time
                var end = events[close]
                end.time = again.time
                events.insert(contentsOf: [again, end], at: close + 1)
            } == UInt64(close) + 2)
        // No session, two sessions at once, a session out of turn, time that goes back.
        #expect(try position { $0.removeFirst() } == 1)
        #expect(try position { $0.insert($0[0], at: 1) } == 2)
        #expect(
            try position { events in
                guard case .sessionStarted(var started) = events[0].fact else { return }
                started.session = SessionID(2)
                events[0].fact = .sessionStarted(started)
            } == 1)
        #expect(try position { $0[50].time = Timestamp(rawValue: 0) } == 51)
        #expect(
            try position {
                $0.append($0[open]); $0[events.count].time = $0[events.count - 1].time
            } == UInt64(events.count) + 1)
    }

    @Test func `an altered checkpoint is found, with its seal or without`() throws {
        let events = try makeLog()
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        let last = Position(UInt64(events.count))
        let checkpoint = try #require(try log.checkpoint(atOrBefore: last))
        let changes: [(inout Checkpoint) -> Void] = [
            { $0.memberSet ^= 1 }, { $0.liveCount += 1 }, { $0.events -= 1 },
        ]
        for change in changes {
            var altered = checkpoint
            change(&altered)
            #expect(try damagedTable { try $0.checkpoint(altered) } == "checkpoints \(last)")
        }
        try PlantedDamage(in: folder.path).checkpoint(checkpoint)
        _ = try verify()
        #expect(try damagedTable { try $0.breakSeal(at: last) } == "checkpoints \(last)")
    }

    @Test func `an altered digest of deliveries is not damage but a divergence`() throws {
        let events = try makeLog()
        let last = Position(UInt64(events.count))
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        var checkpoint = try #require(try log.checkpoint(atOrBefore: last))
        checkpoint.digest ^= 1
        try PlantedDamage(in: folder.path).checkpoint(checkpoint)
        _ = try verify()
        var replayer = try Replayer(log, session: try #require(try log.sessions().last))
        #expect(try replayer.run().divergence?.position == last)
    }

    @Test func `an altered snapshot is found`() throws {
        let events = try makeLog()
        let end = try #require(events.first { if case .sessionEnded = $0.fact { true } else { false } })
        let found = try damagedTable { plant in
            var projection = Projection(position: end.position)
            projection.open(GoldenEvents.connection(1), at: Position(2))
            try plant.snapshot(Snapshot(of: projection))
        }
        #expect(found == "snapshots \(end.position)")
    }

    @Test func `an altered entry of the catalogue is found`() throws {
        _ = try makeLog()
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        let sessions = try log.sessions()
        let changes: [(Int, (inout Session) -> Void)] = [
            (0, { $0.first = $0.first.next }), (1, { $0.cause = .crash }), (1, { $0.last = $0.last?.previous }),
            (0, { $0.startedAt = Timestamp(rawValue: 1) }), (1, { $0.last = nil }),
            (
                2,
                {
                    $0.last = $0.first.next; $0.endedAt = $0.startedAt; $0.cause = .shutdown
                }
            ),
        ]
        for (index, change) in changes {
            var altered = sessions[index]
            change(&altered)
            #expect(try damagedTable { try $0.session(altered) } == "sessions \(index + 1)")
            try PlantedDamage(in: folder.path).session(sessions[index])
        }
        _ = try verify()
    }

    @Test func `an altered, lost or invented connection is found`() throws {
        let events = try makeLog()
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        let close = try #require(events.first { if case .disconnected = $0.fact { true } else { false } })
        let connection = try #require(close.fact.connection)
        let span = try #require(try log.span(of: connection))
        let wrong = [
            (ConnectionSpan(opened: span.opened.next, closed: span.closed), span.opened),
            (ConnectionSpan(opened: span.opened, closed: span.closed?.next), close.position),
            (ConnectionSpan(opened: span.opened, closed: nil), close.position),
        ]
        for (altered, position) in wrong {
            #expect(try damagedTable { try $0.span(altered, of: connection) } == "connections \(position)")
        }
        try PlantedDamage(in: folder.path).span(span, of: connection)
        _ = try verify()
        let open = try #require(try verify().openConnections > 0 ? events.last : nil)
        let found = try damagedTable { try $0.span(span, of: GoldenEvents.connection(9)) }
        #expect(found == "connections \(open.position)")
    }

    @Test func `what a server appends during the walk is not missed`() throws {
        var generator = EventGenerator(seed: 53)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.unfinishedSession(events: 500))
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        var verifier = try LogVerifier(log)
        try builder.write(generator.end(.shutdown))
        try builder.write(generator.session(events: 200))
        let report = try verifier.run()
        #expect(report.last == Position(501))
        #expect(report.sessions == 1)
    }

    @Test func `a close whose connection is in no table makes no entry up`() throws {
        var generator = EventGenerator(seed: 12)
        let events = generator.session(events: 60)
        let index = try #require(events.firstIndex { if case .disconnected = $0.fact { true } else { false } })
        guard case .disconnected(let closed) = events[index].fact else { return }
        do {
            var builder = try LogBuilder(folder.path)
            try builder.write(Array(events[..<index]))
        }
        try PlantedDamage(in: folder.path).forget(closed.connection)
        var builder = try LogBuilder(folder.path)
        try builder.writeOnly(Array(events[index...]))
        #expect(try builder.log.span(of: closed.connection) == nil)
    }
}
