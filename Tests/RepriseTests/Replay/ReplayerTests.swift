import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct ReplayerTests {
    private let folder = TemporaryFolder()

    /// A log with two sessions and a checkpoint after every 100 events of the second.
    private func makeLog() throws -> (log: EventLog, second: [Event], engine: Engine) {
        var generator = EventGenerator(seed: 81)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.session(events: 30))
        let second = generator.session(events: 950)
        var rest = second[...]
        while !rest.isEmpty {
            try builder.write(Array(rest.prefix(100)))
            rest = rest.dropFirst(100)
            if !rest.isEmpty { try builder.writeCheckpoint() }
        }
        return (builder.log, second, builder.engine)
    }

    private func latest(_ log: EventLog) throws -> Session { try #require(try log.sessions().last) }

    @Test func `a replay gives the live digests and verifies every checkpoint`() throws {
        let (log, second, engine) = try makeLog()
        var replayer = try Replayer(log, session: try latest(log))
        let report = try replayer.run()
        #expect(report.divergence == nil)
        #expect(report.digest == engine.digest.value)
        #expect(report.deliveries == engine.digest.deliveries)
        #expect(report.memberSet == 0)
        #expect(report.counts == engine.counts)
        #expect(report.first == second.first?.position)
        #expect(report.last == second.last?.position)
        #expect(report.checkpointsVerified == (second.count + 99) / 100)
    }

    @Test func `a replay stops after the last position that was asked for`() throws {
        let (log, second, _) = try makeLog()
        var replayer = try Replayer(log, session: try latest(log))
        let report = try replayer.run(through: second[149].position)
        #expect(report.last == second[149].position)
        #expect(report.counts.events == 150)
        #expect(report.checkpointsVerified == 1)
    }

    @Test func `a replay from a place starts after the checkpoint before it and ends with the same digests`() throws {
        let (log, second, engine) = try makeLog()
        for index in [0, 1, 99, 100, 101, 555, second.count - 1] {
            var replayer = try Replayer(log, session: try latest(log), from: second[index].position)
            let report = try replayer.run()
            #expect(report.divergence == nil)
            #expect(report.digest == engine.digest.value)
            #expect(report.first == second[index / 100 * 100].position)
            #expect(report.counts.events == UInt64(second.count - index / 100 * 100))
        }
    }

    @Test func `a route that this build would not choose is a divergence at its position`() throws {
        var generator = EventGenerator(seed: 82)
        var events = generator.session(events: 100)
        let index = try #require(
            events.firstIndex {
                if case .message(let message) = $0.fact { message.outcome == .route("onMessage") } else { false }
            })
        guard case .message(var message) = events[index].fact else { return }
        message.outcome = .refused(.forbidden)
        events[index].fact = .message(message)
        var builder = try LogBuilder(folder.path)
        try builder.write(events)
        let log = builder.log
        var replayer = try Replayer(log, session: try latest(log))
        #expect(try replayer.run().divergence?.position == events[index].position)
        var later = try Replayer(log, session: try latest(log), from: events[index].position.next)
        #expect(try later.run().divergence == nil)
    }

    @Test func `an altered digest is a divergence at its checkpoint`() throws {
        let (log, second, _) = try makeLog()
        let position = second[299].position
        var checkpoint = try #require(try log.checkpoint(atOrBefore: position))
        checkpoint.digest ^= 1
        try PlantedDamage(in: folder.path).checkpoint(checkpoint)
        var replayer = try Replayer(log, session: try latest(log))
        let report = try replayer.run()
        #expect(report.divergence?.position == position)
        #expect(report.checkpointsVerified == 2)
    }

    @Test func `a session whose tail is missing is damage`() throws {
        let (log, second, _) = try makeLog()
        try PlantedDamage(in: folder.path).records { $0.removeLast(4) }
        var replayer = try Replayer(log, session: try latest(log))
        let error = #expect(throws: LogError.self) { try replayer.run() }
        guard case .damaged(let position, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(position == second[second.count - 4].position)
    }

    @Test func `a replay that reads ahead finds what one that does not finds`() async throws {
        let (log, second, engine) = try makeLog()
        for last in [nil, second[149].position, second[700].position] {
            for start in [nil, second[333].position] {
                var plain = try Replayer(log, session: try latest(log), from: start)
                let ahead = try Replayer(log, session: try latest(log), from: start)
                let report = try await ahead.runReadingAhead(through: last)
                #expect(try plain.run(through: last) == report)
                if last == nil { #expect(report.digest == engine.digest.value) }
            }
        }
    }

    @Test func `a replay that reads ahead reports damage after what is sound`() async throws {
        let (log, second, _) = try makeLog()
        let damaged = second[600].position
        try PlantedDamage(in: folder.path).records { records in
            for index in records.indices where records[index].0 == damaged.rawValue { records[index].1[20] ^= 1 }
        }
        var last = Position.zero
        await #expect(throws: LogError.self) {
            let ahead = try Replayer(log, session: try latest(log))
            _ = try await ahead.runReadingAhead { _, plan, _ in last = plan.last }
        }
        #expect(last == damaged.previous)
    }
}
