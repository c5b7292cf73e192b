import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct RecoveryTests {
    private let folder = TemporaryFolder()

    private func recovery(_ seed: UInt64 = 1) throws -> Recovery {
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        var random = SeededGenerator(seed: seed)
        return try Recovery(of: log) { RequestID(using: &random) }
    }

    @Test func `a new log needs no recovery`() throws {
        do { _ = try LogBuilder(folder.path) }
        let recovery = try recovery()
        #expect(recovery.facts.isEmpty)
        #expect(recovery.nextSession == SessionID(1))
        #expect(!recovery.lacksFinalCheckpoint)
    }

    @Test func `a session that ended well needs no recovery`() throws {
        var generator = EventGenerator(seed: 71)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.session(events: 100))
        let recovery = try recovery()
        #expect(recovery.facts.isEmpty)
        #expect(recovery.nextSession == SessionID(2))
        #expect(!recovery.lacksFinalCheckpoint)
        #expect(recovery.engine.checkpoint == builder.engine.checkpoint)
    }

    @Test(arguments: [0, 1, 2, 3])
    func `after a crash every open connection gets one close, in order, then the session ends`(checkpoints: Int) throws
    {
        var generator = EventGenerator(seed: 72)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.session(events: 30))
        let events = generator.unfinishedSession(events: 400)
        let size = events.count / (checkpoints + 1)
        for index in 0...checkpoints {
            let end = index == checkpoints ? events.count : (index + 1) * size
            try builder.write(Array(events[index * size..<end]))
            if index < checkpoints { try builder.writeCheckpoint() }
        }
        let recovery = try recovery()
        let closed = recovery.facts.compactMap { fact -> ConnectionID? in
            guard case .disconnected(let disconnected) = fact else { return nil }
            #expect(disconnected.cause == .crash)
            #expect(disconnected.code == .abnormal)
            #expect(disconnected.deliveredThrough == nil)
            return disconnected.connection
        }
        #expect(closed == generator.open)
        #expect(recovery.closedConnections == generator.open.count)
        #expect(recovery.facts.last == .sessionEnded(.crash))
        #expect(recovery.facts.count == closed.count + 1)
        #expect(recovery.engine.checkpoint == builder.engine.checkpoint)
        #expect(recovery.nextSession == SessionID(3))
    }

    @Test func `recovering twice gives the same facts, and a recovered log needs none`() throws {
        var generator = EventGenerator(seed: 73)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.unfinishedSession(events: 200))
        let first = try recovery()
        #expect(try recovery().facts == first.facts)

        let tail = try builder.log.tail()
        try builder.write(
            first.facts.enumerated().map { index, fact in
                Event(position: Position(tail.position.rawValue + UInt64(index) + 1), time: tail.time, fact: fact)
            })
        let second = try recovery()
        #expect(second.facts.isEmpty)
        #expect(second.closedConnections == 0)
        let log = builder.log
        var verifier = try LogVerifier(log)
        #expect(try verifier.run().openConnections == 0)
    }

    @Test func `a session after a recovered one begins its stream at offset 0, as its shards do`() throws {
        var generator = EventGenerator(seed: 76)
        var builder = try LogBuilder(folder.path)
        // No checkpoint: recovery applies every broadcast again, so that its own stream is far from 0.
        try builder.writeOnly(generator.unfinishedSession(events: 300))
        try builder.writeOnly(generator.end(.crash))
        let started = generator.unfinishedSession(events: 100)
        var recovered = try recovery().engine
        let first = recovered.apply(started.prefix(1))
        #expect(first.run.start == 0)
        #expect(recovered.apply(started.dropFirst()).run.start == 0)
    }

    @Test func `deliveredAtLeast is what the last checkpoint says of each connection`() throws {
        var generator = EventGenerator(seed: 74)
        var builder = try LogBuilder(folder.path)
        let events = generator.unfinishedSession(events: 300)
        try builder.write(Array(events.prefix(250)))
        let before = builder.engine.projection.inOrder
        let behind = try #require(before.first?.connection)
        let performed = Position(240)
        try builder.writeCheckpoint(
            Checkpoint.Observation(
                performedThrough: performed,
                behind: [Checkpoint.Behind(connection: behind, deliveredThrough: Position(17))]))
        try builder.write(Array(events.dropFirst(250)))
        for fact in try recovery().facts {
            guard case .disconnected(let disconnected) = fact else { continue }
            let member = before.first { $0.connection == disconnected.connection }
            let expected: Position? =
                if disconnected.connection == behind {
                    Position(17)
                } else if let member, member.connectedAt <= performed {
                    performed
                } else {
                    nil
                }
            #expect(disconnected.deliveredAtLeast == expected)
        }
    }

    @Test func `without a checkpoint nothing is known of what had left`() throws {
        var generator = EventGenerator(seed: 75)
        var builder = try LogBuilder(folder.path)
        try builder.writeOnly(generator.unfinishedSession(events: 50))
        for fact in try recovery().facts {
            guard case .disconnected(let disconnected) = fact else { continue }
            #expect(disconnected.deliveredAtLeast == nil)
        }
    }
}
