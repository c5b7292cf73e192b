import LMDB
import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogTrimTests {
    /// The same random log twice: one to trim and one to compare with.
    private final class Twins {
        let folders = (whole: TemporaryFolder(), trimmed: TemporaryFolder())
        var generator: EventGenerator
        var events: [Event] = []
        var whole: LogBuilder
        var trimmed: LogBuilder

        init(seed: UInt64, sessions: Int = 3, events count: Int = 400) throws {
            generator = EventGenerator(seed: seed)
            whole = try LogBuilder(folders.whole.path)
            trimmed = try LogBuilder(folders.trimmed.path)
            for _ in 0..<sessions { try write(generator.session(events: count)) }
            try write(generator.unfinishedSession(events: count))
        }

        /// Writes batches of random size, each followed by a checkpoint in one of four cases.
        func write(_ session: [Event]) throws {
            events += session
            var rest = session[...]
            while !rest.isEmpty {
                let batch = Array(rest.prefix(Int.random(in: 1...90, using: &generator.random)))
                rest = rest.dropFirst(batch.count)
                let hasCheckpoint = Int.random(in: 0..<4, using: &generator.random) == 0
                try whole.write(batch)
                try trimmed.write(batch)
                guard hasCheckpoint, !rest.isEmpty else { continue }
                try whole.writeCheckpoint()
                try trimmed.writeCheckpoint()
            }
        }

        func trim(before position: Position, eventsMax: Int = LogTrim.stepEventsMax) throws {
            var trim = try LogTrim(trimmed.log)
            while try trim.step(before: position, eventsMax: eventsMax).events > 0 {}
        }
    }

    /// Everything that can be asked of what remains has the answer that the whole log gives.
    private func compare(_ twins: Twins, cut: Position, _ random: inout SeededGenerator, positions: Int) throws {
        let (whole, trimmed) = (twins.whole.log, twins.trimmed.log)
        var verifier = try LogVerifier(trimmed)
        let verified = try verifier.run()
        #expect(verified.first == cut.next)
        #expect(try trimmed.firstPosition() == cut.next)
        #expect(try trimmed.tail() == whole.tail())
        #expect(try trimmed.cut()?.position == cut)

        // Replay.
        let sessions = try whole.sessions().filter { $0.last.map { $0 > cut } ?? true }
        #expect(try trimmed.sessions() == sessions)
        for session in sessions {
            var reference = try Replayer(whole, session: session)
            var replayer = try Replayer(trimmed, session: session)
            let (expected, report) = (try reference.run(), try replayer.run())
            #expect(report.divergence == nil)
            #expect(
                (report.digest, report.memberSet, report.last) == (expected.digest, expected.memberSet, expected.last))
            #expect(report.first == max(session.first, cut.next))
            let trimmedEvents = session.first <= cut ? cut.rawValue - session.first.rawValue + 1 : 0
            #expect(report.trimmedEvents == trimmedEvents)
            #expect(report.counts.events + trimmedEvents == expected.counts.events)
            #expect(try trimmed.start(of: session) == whole.start(of: session))
        }

        // Derived tables.
        let end = try whole.tail().position
        let checkpoints = try trimmed.checkpoints(from: cut, through: end)
        #expect(checkpoints.first?.position == cut)
        #expect(checkpoints.dropFirst() == (try whole.checkpoints(from: cut.next, through: end))[...])
        #expect(try trimmed.snapshots(from: .zero, through: end).first?.position == cut)

        // Single look-ups.
        var drawn = (0..<positions).map { _ in UInt64.random(in: cut.next.rawValue...end.rawValue, using: &random) }
        drawn.sort()
        var naive = Projection()
        for position in drawn.map({ Position($0) }) {
            #expect(try trimmed.event(at: position) == whole.event(at: position))
            let state = try state(of: trimmed, at: position)
            for event in twins.events[Int(naive.position.rawValue)..<Int(position.rawValue)] {
                Projector.fold(event, into: &naive)
            }
            #expect(state == naive)
            for member in naive.inOrder {
                #expect(try trimmed.opening(of: member.connection) == whole.opening(of: member.connection))
                #expect(try trimmed.span(of: member.connection) == whole.span(of: member.connection))
            }
        }
        for event in twins.events.prefix(Int(cut.rawValue)) {
            guard case .disconnected(let disconnected) = event.fact else { continue }
            #expect(try trimmed.span(of: disconnected.connection) == nil)
            #expect(try trimmed.opening(of: disconnected.connection) == nil)
        }
        let kept = try recovery(of: trimmed)
        let expected = try recovery(of: whole)
        #expect(kept.facts == expected.facts)
        #expect(kept.nextSession == expected.nextSession)
        #expect(kept.engine.checkpoint == expected.engine.checkpoint)
    }

    private func state(of log: EventLog, at position: Position) throws -> Projection {
        let snapshot = try #require(try log.snapshot(atOrBefore: position))
        var projection = snapshot.projection
        var reader = try LogReader(log, from: projection.position.next)
        while projection.position < position {
            for event in try reader.read(through: position) { Projector.fold(event, into: &projection) }
        }
        return projection
    }

    private func recovery(of log: EventLog) throws -> Recovery {
        var random = SeededGenerator(seed: 5)
        return try Recovery(of: log) { RequestID(using: &random) }
    }

    @Test(arguments: [201, 202, 203, 204] as [UInt64])
    func `what remains after several trims at random places answers as the whole log does`(seed: UInt64) throws {
        let twins = try Twins(seed: seed)
        var random = SeededGenerator(seed: seed)
        var cut = UInt64(0)
        let count = UInt64(twins.events.count)
        for _ in 0..<5 {
            cut = UInt64.random(in: cut + 1...max(cut + 1, count * 9 / 10), using: &random)
            try twins.trim(before: Position(cut + 1), eventsMax: Int.random(in: 1...900, using: &random))
            try compare(twins, cut: Position(cut), &random, positions: 20)
        }
        // The server goes on, and its new session is trimmed into.
        try twins.write(twins.generator.end(.crash))
        try twins.write(twins.generator.unfinishedSession(events: 300))
        try compare(twins, cut: Position(cut), &random, positions: 20)
        let end = UInt64(twins.events.count)
        try twins.trim(before: Position(end - 100))
        try compare(twins, cut: Position(end - 101), &random, positions: 200)
    }

    @Test func `every step leaves a log that is whole`() throws {
        let twins = try Twins(seed: 211, sessions: 1, events: 120)
        var random = SeededGenerator(seed: 1)
        let end = try twins.whole.log.tail().position
        var trim = try LogTrim(twins.trimmed.log)
        var events = 0
        while true {
            let step = try trim.step(before: Position(.max), eventsMax: Int.random(in: 1...40, using: &random))
            if step.events == 0 { break }
            #expect(step.events <= 40)
            events += step.events
            try compare(twins, cut: Position(UInt64(events)), &random, positions: 5)
        }
        #expect(Position(UInt64(events)) == end.previous, "the last event stays")
    }

    @Test func `a step reads a bounded number of bytes, but always removes an event`() throws {
        let twins = try Twins(seed: 212, sessions: 1)
        var trim = try LogTrim(twins.trimmed.log)
        #expect(try trim.step(before: Position(500), bytesMax: 1).events == 1)
        let step = try trim.step(before: Position(500), bytesMax: 4096)
        #expect(step.events > 1 && step.events < 100)
        #expect(trim.first == Position(UInt64(step.events) + 2))
    }

    @Test func `nothing is removed where there is nothing before the place`() throws {
        let twins = try Twins(seed: 213, sessions: 1, events: 50)
        var trim = try LogTrim(twins.trimmed.log)
        #expect(try trim.step(before: .zero) == LogTrim.Step())
        #expect(try trim.step(before: Position(1)) == LogTrim.Step())
        #expect(try twins.trimmed.log.cut() == nil)
        #expect(try trim.step(before: Position(20)).events == 19)
        #expect(try trim.step(before: Position(20)) == LogTrim.Step())
        let folder = TemporaryFolder()
        let empty = try LogBuilder(folder.path)
        var none = try LogTrim(empty.log)
        #expect(try none.step(before: Position(.max)) == LogTrim.Step())
    }

    @Test func `a folder that was never trimmed keeps the format that older builds read`() throws {
        let twins = try Twins(seed: 214, sessions: 1, events: 50)
        func format() throws -> UInt64? {
            try twins.trimmed.log.read { transaction in
                try transaction.value(for: MetaKey.format, in: twins.trimmed.log.tables.meta)
            }.flatMap(UInt64.init(littleEndian:))
        }
        #expect(try format() == 1)
        try twins.trim(before: Position(10))
        #expect(try format() == 2)
    }

    @Test func `readers of what is gone are told where the log begins`() throws {
        let twins = try Twins(seed: 215, sessions: 1, events: 300)
        let log = twins.trimmed.log
        var overtaken = try LogReader(log, from: Position(50))
        _ = try overtaken.read(through: Position(60))
        try twins.trim(before: Position(100))
        #expect(throws: LogError.trimmed(position: Position(61), first: Position(100))) { try overtaken.read() }
        #expect(throws: LogError.trimmed(position: Position(99), first: Position(100))) {
            _ = try LogReader(log, from: Position(99))
        }
        _ = try LogReader(log, from: Position(100))
        #expect(LogError.trimmed(position: Position(99), first: Position(100)).isDamage == false)
        let session = try #require(try log.sessions().first)
        var replayer = try Replayer(log, session: session, from: Position(3))
        #expect(try replayer.run().first == Position(100))
    }

    @Test func `places that were trimmed away are refused by name`() throws {
        let twins = try Twins(seed: 216, sessions: 1, events: 300)
        let log = twins.trimmed.log
        let opening = try #require(
            twins.events.prefix(60).reversed().lazy.compactMap { event -> (ConnectionID, Position)? in
                guard case .connected(let connected) = event.fact else { return nil }
                return (connected.connection, event.position)
            }.first)
        let closed = try #require(try log.span(of: opening.0)?.closed)
        try twins.trim(before: closed)
        func resolve(_ text: String) throws -> Position {
            try Place(parsing: text).resolve(in: log, now: Timestamp(rawValue: 0), as: .first)
        }
        #expect(try resolve("start") == closed)
        #expect(try resolve("\(opening.0):close") == closed)
        #expect(throws: PlaceError.trimmed(.opened(opening.0), opening.1, first: closed)) {
            try resolve("\(opening.0):open")
        }
        #expect(throws: PlaceError.trimmed(.session(SessionID(1)), Position(1), first: closed)) {
            try resolve("session:1")
        }
        #expect(throws: PlaceError.beforeStart(.position(Position(2)), first: closed)) { try resolve("2") }
        #expect(try resolve("session:2") > closed)
        try twins.trim(before: closed.next)
        #expect(throws: PlaceError.unknownConnection(opening.0)) { try resolve("\(opening.0):close") }
    }

    @Test func `statistics of a trimmed log count what remains, from the state at the cut`() throws {
        let twins = try Twins(seed: 217, sessions: 0, events: 800)
        try twins.trim(before: Position(401))
        let whole = try LogStatistics(of: twins.whole.log)
        let trimmed = try LogStatistics(of: twins.trimmed.log)
        #expect(trimmed.positions == Position(401)...Position(UInt64(twins.events.count)))
        #expect(trimmed.liveConnections == whole.liveConnections)
        #expect(trimmed.deliveries > 0 && trimmed.deliveries < whole.deliveries)
    }

    @Test func `a changed byte behind the cut is found at its position`() throws {
        for position in [301, 302, 450] as [UInt64] {
            let twins = try Twins(seed: 218, sessions: 0, events: 600)
            try twins.trim(before: Position(301))
            try change(twins.trimmed.log, twins.trimmed.log.tables.events, position)
            #expect { try verify(twins.trimmed.log) } throws: { error in
                guard case LogError.damaged(let found, _) = error else { return false }
                return found == Position(position)
            }
        }
    }

    @Test func `damage to what the cut holds is found`() throws {
        let twins = try Twins(seed: 219, sessions: 0, events: 600)
        try twins.trim(before: Position(301))
        let log = twins.trimmed.log
        let live = try #require(try log.snapshot(atOrBefore: Position(300))?.entries.first)
        try verify(log)
        let keys = [MetaKey.cut, MetaKey.kept(live.connectedAt), MetaKey.kept(Position(1))]
        for key in keys {
            let sound = try #require(try log.read { try $0.value(for: key, in: log.tables.meta) })
            var broken = sound
            broken[broken.count / 2] ^= 1
            try put(broken, key, in: log)
            #expect { try verify(log) } throws: { error in
                guard case LogError.derivedDamaged("meta", _, _) = error else { return false }
                return true
            }
            try put(sound, key, in: log)
        }
        try verify(log)
        try change(log, log.tables.snapshots, 300)
        #expect(throws: LogError.self) { try verify(log) }
        try change(log, log.tables.snapshots, 300)
        try change(log, log.tables.checkpoints, 300)
        #expect(throws: LogError.self) { try verify(log) }
    }

    @Test func `damaged events are not trimmed away`() throws {
        let twins = try Twins(seed: 220, sessions: 0, events: 300)
        try change(twins.trimmed.log, twins.trimmed.log.tables.events, 50)
        var trim = try LogTrim(twins.trimmed.log)
        #expect(try trim.step(before: Position(200)).events == 49)
        #expect { try trim.step(before: Position(200)) } throws: { error in
            guard case LogError.damaged(Position(50), _) = error else { return false }
            return true
        }
        #expect(try twins.trimmed.log.firstPosition() == Position(50))
    }

    @Test func `an export of a trimmed log is refused by the import, with the way out`() throws {
        let twins = try Twins(seed: 221, sessions: 0, events: 100)
        try twins.trim(before: Position(40))
        var lines = ByteBuffer()
        for event in try twins.trimmed.log.events() {
            EventJSON.append(event, to: &lines)
            lines.writeString("\n")
        }
        let folder = TemporaryFolder()
        var log = try LogImport(into: "\(folder.path)/new", id: LogID(rawValue: 1), mapBytes: LogBuilder.mapBytes)
        #expect { try log.append(lines) } throws: { error in
            "\(error)".hasPrefix("line 1: the export begins at position 40") && "\(error)".contains("log backup")
        }
    }

    @discardableResult
    private func verify(_ log: EventLog) throws -> VerifyReport {
        var verifier = try LogVerifier(log)
        return try verifier.run()
    }

    private func change(_ log: EventLog, _ table: OrdinalTable, _ key: UInt64) throws {
        var bytes = try #require(try log.read { try $0.value(for: key, in: table) })
        bytes[bytes.count / 2] ^= 1
        let transaction = try WriteTransaction(log.environment)
        try transaction.put(bytes, for: key, in: table)
        try transaction.commit()
    }

    private func put(_ bytes: [UInt8], _ key: [UInt8], in log: EventLog) throws {
        let transaction = try WriteTransaction(log.environment)
        try transaction.put(bytes, for: key, in: log.tables.meta)
        try transaction.commit()
    }
}
