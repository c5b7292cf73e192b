import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogStatisticsTests {
    private let folder = TemporaryFolder()

    @Test func `counts, rates and fan-out are those of the events`() throws {
        var generator = EventGenerator(seed: 41)
        var builder = try LogBuilder(folder.path)
        var events: [Event] = []
        for _ in 0..<3 {
            let session = generator.session(events: 500)
            try builder.write(session)
            events += session
        }
        let statistics = try LogStatistics(of: builder.log)
        let deliveries = try builder.log.sessions().reduce(0 as UInt64) { sum, session in
            var replayer = try Replayer(builder.log, session: session)
            return sum + (try replayer.run().deliveries)
        }
        for (word, count) in statistics.counts {
            #expect(count == UInt64(events.count { $0.fact.word == word }))
        }
        #expect(statistics.deliveries == deliveries)
        #expect(statistics.liveConnections == 0)
        #expect(statistics.recordBytes > UInt64(40 * events.count))
        let rates = try #require(statistics.rates)
        #expect(rates.events.reduce(0, +) == UInt64(events.count))
        #expect(rates.messages.reduce(0, +) == UInt64(events.count { $0.fact.word == "message" }))
        #expect(rates.events.count <= EventRates.bucketCountMax && rates.events.count > EventRates.bucketCountMax / 2)
        let expected = events.count { event in
            event.time.rawValue - events[0].time.rawValue < rates.bucketNanoseconds
        }
        #expect(rates.events[0] == UInt64(expected))
    }

    @Test func `an empty log has no rates`() throws {
        let builder = try LogBuilder(folder.path)
        let statistics = try LogStatistics(of: builder.log)
        #expect(statistics.rates == nil && statistics.positions == nil && statistics.slowestCommits.isEmpty)
    }

    @Test func `the slowest commits of all checkpoints come slowest first, five at most`() throws {
        var generator = EventGenerator(seed: 42)
        var builder = try LogBuilder(folder.path)
        let events = generator.unfinishedSession(events: 100)
        for (index, nanoseconds) in ([30, 90, 10, 70, 50, 80, 20] as [UInt64]).enumerated() {
            try builder.write(Array(events[index * 10..<(index + 1) * 10]))
            let position = builder.engine.projection.position
            try builder.writeCheckpoint(
                Checkpoint.Observation(
                    performedThrough: position, slowestCommit: .init(last: position, nanoseconds: nanoseconds)))
        }
        try builder.write(Array(events[70...]))
        try builder.writeCheckpoint()
        let slowest = try LogStatistics(of: builder.log).slowestCommits
        #expect(slowest.map(\.nanoseconds) == [90, 80, 70, 50, 30])
        #expect(slowest.map(\.last) == [20, 60, 40, 50, 10].map { Position($0) })
    }

    @Test(
        arguments: [
            (0, 0, 1, 1), (0, 1, 1, 2), (0, 59, 1, 60), (0, 60, 2, 31), (5, 6_000_000_000, 100_000_000, 60),
            (.min, .max, .max / 60 + 1, 60),
        ] as [(Int64, Int64, Int64, Int)])
    func `stretches are equal, bounded in number, and cover the whole time`(
        first: Int64, last: Int64, width: Int64, count: Int
    ) {
        var rates = EventRates(over: Timestamp(rawValue: first)...Timestamp(rawValue: last))
        #expect(rates.bucketNanoseconds == width)
        #expect(rates.events.count == count)
        for time in [first, last] {
            rates.note(Event(position: Position(1), time: Timestamp(rawValue: time), fact: .sessionEnded(.crash)))
        }
        #expect(rates.events.reduce(0, +) == 2 && rates.events[0] >= 1 && rates.events[count - 1] >= 1)
        #expect(rates.perSecond(width == 1 ? 1 : UInt64(width)) == 1e9)
    }
}
