import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LiveSetTests {
    private let folder = TemporaryFolder()

    /// Five sessions, two of them crashed, with a snapshot here and there, and the last one still running.
    private func makeLog(seed: UInt64) throws -> (log: EventLog, events: [Event]) {
        var generator = EventGenerator(seed: seed)
        var builder = try LogBuilder(folder.path)
        var events: [Event] = []
        for session in 0..<5 {
            var part = generator.unfinishedSession(events: 400 + 150 * session)
            if session < 4 { part += generator.end(session % 2 == 0 ? .shutdown : .crash) }
            var rest = part[...]
            while !rest.isEmpty {
                let count = Int.random(in: 1...200, using: &generator.random)
                try builder.write(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
                if Bool.random(using: &generator.random) { try builder.writeSnapshot() }
            }
            events += part
        }
        return (builder.log, events)
    }

    /// What folding the session from its start gives.
    private func naive(_ events: [Event], at position: Position) -> LiveSet? {
        let index = Int(position.rawValue - 1)
        let start = events[...index].lastIndex { if case .sessionStarted = $0.fact { true } else { false } }
        guard let start, case .sessionStarted(let started) = events[start].fact else { return nil }
        var projection = Projection(position: events[start].position.previous)
        for event in events[start...index] { Projector.fold(event, into: &projection) }
        return LiveSet(projection, time: events[index].time, session: started.session)
    }

    @Test func `a thousand random positions equal a fold from the session's start`() throws {
        let (log, events) = try makeLog(seed: 91)
        #expect(try log.snapshots(from: .zero, through: Position(.max)).count > 10)
        var random = SeededGenerator(seed: 92)
        for _ in 0..<1000 {
            let position = Position(UInt64.random(in: 1...UInt64(events.count), using: &random))
            let set = try LiveSet(of: log, at: position)
            #expect(set == naive(events, at: position))
        }
    }

    @Test func `the first and the last event of each session have the set that they leave`() throws {
        let (log, events) = try makeLog(seed: 93)
        for session in try log.sessions() {
            #expect(try LiveSet(of: log, at: session.first).members.isEmpty)
            #expect(try LiveSet(of: log, at: session.first).session == session.id)
            guard let last = session.last else { continue }
            #expect(try LiveSet(of: log, at: last).members.isEmpty)
            #expect(try LiveSet(of: log, at: last) == naive(events, at: last))
        }
    }

    @Test func `nothing before the snapshot is read`() throws {
        var generator = EventGenerator(seed: 94)
        let events = generator.unfinishedSession(events: 300)
        var builder = try LogBuilder(folder.path)
        try builder.write(Array(events.prefix(200)))
        try builder.writeSnapshot()
        try builder.write(Array(events.dropFirst(200)))
        try PlantedDamage(in: folder.path).records { $0[99].1[20] ^= 1 }
        let log = builder.log
        for position in [200, 201, 301] as [UInt64] {
            #expect(try LiveSet(of: log, at: Position(position)) == naive(events, at: Position(position)))
        }
        let error = #expect(throws: LogError.self) { try LiveSet(of: log, at: Position(199)) }
        #expect(error?.isDamage == true)
    }

    @Test func `a snapshot of an earlier session is none of this one's`() throws {
        var generator = EventGenerator(seed: 95)
        var builder = try LogBuilder(folder.path)
        let first = generator.unfinishedSession(events: 50)
        try builder.write(first)
        try builder.writeSnapshot()
        // A writer that never closed what was open: nobody of the first session is live in the second.
        let second = generator.unfinishedSession(events: 0)
        try builder.writeOnly(second)
        #expect(try LiveSet(of: builder.log, at: second[0].position).members.isEmpty)
    }

    @Test func `a position that the log does not have is damage, not an empty set`() throws {
        let (log, events) = try makeLog(seed: 96)
        for position in [UInt64(events.count) + 1, 0] {
            #expect(throws: LogError.self) { try LiveSet(of: log, at: Position(position)) }
        }
    }

    @Test func `two sets differ by who came and who went`() throws {
        let (log, events) = try makeLog(seed: 97)
        let session = try #require(try log.sessions().last)
        let before = try LiveSet(of: log, at: Position(session.first.rawValue + 100))
        let after = try LiveSet(of: log, at: try #require(events.last).position)
        let came = after.members(missingIn: before)
        let went = before.members(missingIn: after)
        #expect(!came.isEmpty && !went.isEmpty)
        #expect(came.allSatisfy { $0.connectedAt > before.position })
        for member in went {
            let closed = try #require(try log.span(of: member.connection)?.closed)
            #expect(closed > before.position && closed <= after.position)
        }
        #expect(before.members.count + came.count - went.count == after.members.count)
    }
}
