import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct ReplayStepTests {
    private let folder = TemporaryFolder()

    private func makeLog() throws -> (log: EventLog, events: [Event]) {
        var generator = EventGenerator(seed: 85)
        var builder = try LogBuilder(folder.path)
        try builder.write(generator.session(events: 40))
        let events = generator.session(events: 700)
        var rest = events[...]
        while !rest.isEmpty {
            try builder.write(Array(rest.prefix(90)))
            rest = rest.dropFirst(90)
            if !rest.isEmpty { try builder.writeCheckpoint() }
        }
        return (builder.log, events)
    }

    private func latest(_ log: EventLog) throws -> Session { try #require(try log.sessions().last) }

    @Test func `stepping to the end gives the report of a run`() throws {
        let (log, events) = try makeLog()
        var running = try Replayer(log, session: try latest(log))
        let expected = try running.run()
        var stepping = try Replayer(log, session: try latest(log))
        var seen: [Event] = []
        var recipients: UInt64 = 0
        while let step = try stepping.step() {
            seen.append(step.event)
            recipients += step.recipients
        }
        #expect(seen == events)
        #expect(recipients == expected.deliveries)
        #expect(stepping.report == expected)
        #expect(expected.divergence == nil && expected.checkpointsVerified > 5)
    }

    @Test func `each step has the state of an engine that applied so much`() throws {
        let (log, events) = try makeLog()
        var engine = Engine(before: events[0].position.previous)
        var replayer = try Replayer(log, session: try latest(log))
        for event in events {
            let before = engine.digest.deliveries
            _ = engine.apply([event])
            let step = try #require(try replayer.step())
            #expect(step.state == engine.checkpoint)
            #expect(step.recipients == engine.digest.deliveries - (event == events[0] ? 0 : before))
            #expect(replayer.projection == engine.projection)
        }
        #expect(try replayer.step() == nil)
        #expect(try replayer.peek() == nil)
    }

    @Test func `a look ahead applies nothing`() throws {
        let (log, events) = try makeLog()
        var replayer = try Replayer(log, session: try latest(log))
        #expect(try replayer.peek() == events[0])
        #expect(try replayer.peek() == events[0])
        #expect(replayer.report.counts.events == 0)
        #expect(try replayer.step()?.event == events[0])
        #expect(try replayer.peek() == events[1])
    }

    @Test(arguments: [1, 89, 90, 91, 400])
    func `a run goes on where steps have stopped, and steps where a run has`(count: Int) throws {
        let (log, events) = try makeLog()
        var reference = try Replayer(log, session: try latest(log))
        let expected = try reference.run()
        var replayer = try Replayer(log, session: try latest(log))
        for _ in 0..<count { _ = try replayer.step() }
        var given: [Event] = []
        _ = try replayer.run(through: events[count + 49].position) { events, _, _ in given += events }
        #expect(given == Array(events[count..<count + 50]))
        while try replayer.step() != nil {}
        #expect(replayer.report == expected)
    }

    @Test(arguments: [1, 89, 90, 91, 700])
    func `a run that reads ahead goes on where a look or steps have stopped`(count: Int) async throws {
        let (log, events) = try makeLog()
        var reference = try Replayer(log, session: try latest(log))
        let expected = try reference.run()
        var replayer = try Replayer(log, session: try latest(log))
        for _ in 1..<count { _ = try replayer.step() }
        #expect(try replayer.peek() == events[count - 1])
        var given: [Event] = []
        let report = try await replayer.runReadingAhead { events, _, _ in given += events }
        #expect(given == Array(events[(count - 1)...]))
        #expect(report == expected)
    }

    @Test func `no step goes past the last position that was asked for`() throws {
        let (log, events) = try makeLog()
        var replayer = try Replayer(log, session: try latest(log))
        let last = events[9].position
        while let step = try replayer.step(through: last) { #expect(step.event.position <= last) }
        #expect(replayer.report.last == last)
        // What was read ahead for a wider range stays for it.
        #expect(try replayer.peek() == events[10])
        #expect(try replayer.step(through: last) == nil)
        #expect(try replayer.step()?.event == events[10])
    }

    @Test func `a start in the middle has the state of its position`() throws {
        let (log, events) = try makeLog()
        var reference = try Replayer(log, session: try latest(log))
        let expected = try reference.run(through: events[332].position)
        var replayer = try Replayer(log, session: try latest(log), from: events[333].position)
        _ = try replayer.run(through: events[332].position)
        #expect(replayer.report.digest == expected.digest)
        #expect(replayer.report.memberSet == expected.memberSet)
        #expect(try replayer.step()?.event == events[333])
    }

    @Test func `an altered digest is found by steps too`() throws {
        let (log, events) = try makeLog()
        var checkpoint = try #require(try log.checkpoint(atOrBefore: events[300].position))
        checkpoint.digest ^= 1
        try PlantedDamage(in: folder.path).checkpoint(checkpoint)
        var replayer = try Replayer(log, session: try latest(log))
        while try replayer.step() != nil {}
        #expect(replayer.report.divergence?.position == checkpoint.position)
    }

    @Test func `a tail that is missing is damage to steps too`() throws {
        let (log, _) = try makeLog()
        try PlantedDamage(in: folder.path).records { $0.removeLast(3) }
        var replayer = try Replayer(log, session: try latest(log))
        #expect(throws: LogError.self) { while try replayer.step() != nil {} }
    }
}
