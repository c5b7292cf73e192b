import Reprise
import Testing

@Suite struct ReplayClockTests {
    private static let start: Int64 = 1_767_225_600_000_000_000

    /// When events at these recorded milliseconds are due, in milliseconds.
    private func due(_ recorded: [Double], speed: Double, waitMax: Duration? = nil) -> [Double] {
        var clock = ReplayClock(speed: speed, waitMax: waitMax)
        return recorded.map { milliseconds in
            clock.due(Timestamp(rawValue: ReplayClockTests.start + Int64(milliseconds * 1e6))) / .milliseconds(1)
        }
    }

    @Test func `at the recorded speed events are as far apart as they were`() {
        #expect(due([0, 5, 5, 1005], speed: 1) == [0, 5, 5, 1005])
    }

    @Test func `the first event is due at once, whenever it was recorded`() {
        #expect(due([700, 800], speed: 1) == [0, 100])
    }

    @Test(arguments: [(10.0, [0, 0.5, 100]), (0.5, [0, 10, 2000])])
    func `a speed divides every gap`(speed: Double, expected: [Double]) {
        #expect(due([0, 5, 1000], speed: speed) == expected)
    }

    @Test func `no wait is longer than the longest one, and the spacing goes on behind it`() {
        let hour = 3_600_000.0
        #expect(
            due([0, 1000, hour, hour + 300, 2 * hour], speed: 1, waitMax: .seconds(2))
                == [0, 1000, 3000, 3300, 5300])
        // The longest wait is one of the replay: at 10 times the speed it is 20 recorded seconds.
        #expect(due([0, 19_000, 60_000], speed: 10, waitMax: .seconds(2)) == [0, 1900, 3900])
        #expect(due([0, 10, 20], speed: 1, waitMax: .zero) == [0, 0, 0])
    }

    @Test func `a million gaps that do not divide evenly do not add up their rounding`() {
        var clock = ReplayClock(speed: 3)
        var last = Duration.zero
        for index in 0...1_000_000 as ClosedRange<Int64> { last = clock.due(Timestamp(rawValue: 10 * index)) }
        #expect(last == .nanoseconds(3_333_333))
    }

    @Test func `a replay of centuries in slow motion stays in bounds and in order`() {
        var clock = ReplayClock(speed: 1e-9)
        #expect(clock.due(Timestamp(rawValue: .min)) == .zero)
        let far = clock.due(Timestamp(rawValue: .max))
        #expect(far > .seconds(9_000_000_000))
        #expect(clock.due(Timestamp(rawValue: .max)) >= far)
    }
}
