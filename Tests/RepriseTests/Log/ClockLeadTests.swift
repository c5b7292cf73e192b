import Testing

@testable import Reprise

@Suite struct `How far a log is ahead of a clock` {
    private let noon = Timestamp(rawValue: 1_700_000_000_000_000_000)

    private func lead(seconds: Double) -> ClockLead {
        ClockLead(of: Timestamp(rawValue: noon.rawValue + Int64(seconds * 1e9)), over: noon)
    }

    @Test func `a log that is behind the clock has no lead`() {
        #expect(lead(seconds: -1).nanoseconds == 0)
        #expect(lead(seconds: 0).seconds == 0)
        #expect(ClockLead(of: Timestamp(rawValue: 0), over: noon).seconds == 0)
    }

    @Test func `seconds are given to the millisecond`() {
        #expect(lead(seconds: 1.5).seconds == 1.5)
        #expect(lead(seconds: 0.000_9).seconds == 0)
        #expect(lead(seconds: 70.123_456).seconds == 70.123)
    }

    @Test func `ten seconds are usual`() {
        #expect(lead(seconds: 10) <= .usualMax)
        #expect(lead(seconds: 10.001) > .usualMax)
    }

    @Test func `moments at both ends of time do not overflow`() {
        let (first, last) = (Timestamp(rawValue: .min), Timestamp(rawValue: .max))
        #expect(ClockLead(of: last, over: first).nanoseconds == .max)
        #expect(ClockLead(of: first, over: last).nanoseconds == 0)
    }
}
