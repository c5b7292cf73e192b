import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

/// Verdicts and transcripts of random logs against a reference that knows the whole log at once.
@Suite struct ExplainerTests {
    private let folder = TemporaryFolder()

    /// A session that ended well, a crashed one with its recovery, and one that runs: with gaps, cut-off deliveries, and
    /// checkpoints that say what had left.
    private func makeLog(seed: UInt64) throws -> RandomLog {
        var generator = EventGenerator(seed: seed)
        var log = RandomLog()
        log.random = SeededGenerator(seed: seed &+ 1000)
        var builder = try LogBuilder(folder.path)
        try builder.write(log.vary(generator.session(events: 250)))
        try builder.write(log.vary(generator.unfinishedSession(events: 250)))
        try builder.write(log.vary(generator.end(.crash)))
        let running = log.vary(generator.unfinishedSession(events: 250))
        let half = running.count / 2
        try builder.write(Array(running[..<half]))
        let observation = Checkpoint.Observation(
            performedThrough: running[half - 10].position,
            behind: generator.open.prefix(2).map {
                Checkpoint.Behind(connection: $0, deliveredThrough: running[half / 2].position)
            })
        try builder.writeCheckpoint(observation)
        try builder.write(Array(running[half...]))
        log.observation = observation
        log.log = builder.log
        log.index()
        return log
    }

    @Test(arguments: 1...4 as ClosedRange<UInt64>)
    func `every message has exactly one verdict for every connection, and it is the right one`(seed: UInt64) throws {
        let random = try makeLog(seed: seed)
        let log = try #require(random.log)
        var seen: Set<Verdict> = []
        var wrong: [String] = []  // an expectation for each pair would be most of the time
        for connection in random.connections {
            var explainer = try #require(try Explainer(of: connection, in: log, from: Position(1)))
            for event in random.events {
                let explanation = try explainer.explain(event)
                let expected = random.verdict(of: event, for: connection)
                if explanation.verdict != expected || (explanation.gap != nil) != (expected == .skipped) {
                    wrong.append("\(event.position) for \(connection): \(explanation), not \(expected)")
                }
                seen.insert(explanation.verdict)
            }
        }
        #expect(wrong == [])
        #expect(seen == Set(Verdict.allCases))
    }

    @Test func `a single event is explained as it is in a walk over all of them`() throws {
        let random = try makeLog(seed: 9)
        let log = try #require(random.log)
        for connection in random.connections.prefix(12) {
            for event in random.events where event.position.rawValue % 7 == 0 {
                var explainer = try #require(try Explainer(of: connection, in: log, from: event.position))
                #expect(try explainer.explain(event).verdict == random.verdict(of: event, for: connection))
            }
        }
    }

    @Test(arguments: 11...13 as ClosedRange<UInt64>)
    func `a transcript is what a filter over the log finds`(seed: UInt64) throws {
        let random = try makeLog(seed: seed)
        let log = try #require(random.log)
        for connection in random.connections {
            var transcript = try #require(try Transcript(of: connection, in: log))
            var reader = try LogReader(log, from: transcript.first)
            var entries: [Transcript.Entry] = []
            while true {
                let events = try reader.read(through: transcript.history.end)
                if events.isEmpty { break }
                for event in events { entries += try transcript.entries(of: event) }
            }
            #expect(entries == random.transcript(of: connection))
            #expect(entries.first == transcript.opened)
        }
    }

    @Test func `a transcript may begin in the middle`() throws {
        let random = try makeLog(seed: 21)
        let log = try #require(random.log)
        let connection = try #require(
            random.connections.max { random.transcript(of: $0).count < random.transcript(of: $1).count })
        let whole = random.transcript(of: connection)
        let middle = whole[whole.count / 2].position
        var transcript = try #require(try Transcript(of: connection, in: log, from: middle))
        #expect(transcript.first == middle)
        var reader = try LogReader(log, from: middle)
        var entries: [Transcript.Entry] = []
        for event in try reader.read(through: transcript.history.end) { entries += try transcript.entries(of: event) }
        #expect(entries == whole.filter { $0.position >= middle })
    }

    @Test func `recipients are those who are live before the event`() throws {
        let random = try makeLog(seed: 31)
        let log = try #require(random.log)
        for event in random.events where event.position.rawValue % 5 == 0 {
            guard let delivery = random.delivery(of: event) else { continue }
            let expected = random.connections.filter {
                random.life($0).contains(event.position) && delivery.addresses($0)
            }
            #expect(try log.recipientCount(of: delivery.target, at: event.position) == UInt64(expected.count))
        }
    }

    @Test func `a connection that the log does not know has neither history nor transcript`() throws {
        let random = try makeLog(seed: 41)
        let log = try #require(random.log)
        let stranger = ConnectionID(token: Token(high: 1, low: 2))
        #expect(try Explainer(of: stranger, in: log, from: Position(1)) == nil)
        #expect(try Transcript(of: stranger, in: log) == nil)
    }

    @Test func `a refresh learns of the close`() throws {
        var generator = EventGenerator(seed: 51)
        var builder = try LogBuilder(folder.path)
        let events = generator.unfinishedSession(events: 100)
        try builder.write(events)
        let connection = try #require(generator.open.first)
        var transcript = try #require(try Transcript(of: connection, in: builder.log))
        #expect(transcript.history.closing == nil)
        #expect(!transcript.history.isFinal)
        try builder.write(generator.end(.shutdown))
        try transcript.refresh()
        #expect(transcript.history.isFinal)
        #expect(transcript.history.end == transcript.history.closing?.position)
    }
}
