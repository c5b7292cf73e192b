import NIOCore
import Testing

@testable import RepriseServer

@Suite struct RateLimitTests {
    private func at(_ milliseconds: UInt64) -> NIODeadline {
        .uptimeNanoseconds(1_000_000_000_000 + milliseconds * 1_000_000)
    }

    @Test func `after a quiet second a second's worth may come at once, and then at the steady rate`() throws {
        let limit = try #require(RateLimit(perSecond: 10))
        var state: RateLimit.State = 0
        #expect((0..<20).count { _ in limit.admit(&state, now: at(0)) } == 10)
        #expect(!limit.admit(&state, now: at(99)))
        #expect(limit.admit(&state, now: at(100)))
        #expect(!limit.admit(&state, now: at(100)))
        #expect((0..<20).count { _ in limit.admit(&state, now: at(600)) } == 5)
        #expect((0..<20).count { _ in limit.admit(&state, now: at(60_000)) } == 10)
    }

    @Test func `what is refused uses nothing up`() throws {
        let limit = try #require(RateLimit(perSecond: 1))
        var state: RateLimit.State = 0
        #expect((0..<5).count { _ in limit.admit(&state, now: at(0)) } == 2)
        for moment in 1..<1000 { #expect(!limit.admit(&state, now: at(UInt64(moment)))) }
        #expect(limit.admit(&state, now: at(1000)))
    }

    @Test(arguments: [1, 2, 5])
    func `whoever keeps to the rate is let in, also with a clock that is a little late or early`(rate: Int) throws {
        let limit = try #require(RateLimit(perSecond: rate))
        var state: RateLimit.State = 0
        for number in 1...1000 as ClosedRange<UInt64> {
            let jitter = number % 3  // milliseconds
            #expect(limit.admit(&state, now: at(number * 1000 / UInt64(rate) - jitter)))
        }
    }

    @Test(arguments: [1, 2, 7, 500, 1_000_000_000])
    func `over a long time the rate is what was asked for`(rate: Int) throws {
        let limit = try #require(RateLimit(perSecond: rate))
        var state: RateLimit.State = 0
        // A thousand moments of a second, each with as many attempts as could come in all of it, but at most 50.
        let attempts = min(rate, 50)
        let admitted = (0..<1000).reduce(0) { sum, moment in
            sum + (0..<attempts).count { _ in limit.admit(&state, now: at(UInt64(moment))) }
        }
        #expect(admitted <= 2 * rate && admitted >= min(rate, attempts))
    }

    @Test func `no rate is no limit`() {
        #expect(RateLimit(perSecond: 0) == nil)
        let shared = SharedRateLimit(perSecond: 0)
        #expect((0..<100_000).allSatisfy { _ in shared.admit(now: at(0)) })
    }

    @Test func `loops share one limit`() async {
        let shared = SharedRateLimit(perSecond: 1000)
        let now = at(0)
        let admitted = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { (0..<1000).count { _ in shared.admit(now: now) } } }
            return await group.reduce(0, +)
        }
        #expect(admitted == 1000)
    }
}
