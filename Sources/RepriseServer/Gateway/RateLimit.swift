// How often something may happen. Pure: the caller has the clock.

internal import NIOCore
internal import Synchronization

/// So many a second on average, and as many at once after a quiet second; two where it is one, so that a clock that is a
/// little late does no harm.
///
/// The generic cell rate algorithm (ITU-T I.371): a state is one moment, the one at which everything that was let in
/// would have come at the steady rate. It costs eight bytes, and no timer.
struct RateLimit: Sendable {
    /// How far apart the steady rate puts two, nanoseconds.
    private let interval: UInt64
    /// How far ahead of the clock a state may be, nanoseconds.
    private let burst: UInt64

    /// What one limited thing has used up; 0 at the start.
    typealias State = UInt64

    /// - Parameter perSecond: 1 to 1 000 000 000.
    /// - Returns: `nil` for 0, which is no limit.
    init?(perSecond: Int) {
        guard perSecond > 0 else { return nil }
        interval = max(1, 1_000_000_000 / UInt64(perSecond))
        burst = interval * UInt64(max(1, perSecond - 1))
    }

    /// Lets one more in, if it may.
    func admit(_ state: inout State, now: NIODeadline) -> Bool {
        let now = now.uptimeNanoseconds
        guard state <= now + burst else { return false }
        state = max(state, now) + interval
        return true
    }
}

/// A limit that all loops share.
final class SharedRateLimit: Sendable {
    private let limit: RateLimit?
    private let state = Atomic<RateLimit.State>(0)

    /// - Parameter perSecond: 0 is no limit.
    init(perSecond: Int) {
        limit = RateLimit(perSecond: perSecond)
    }

    /// Lets one more in, if it may.
    func admit(now: NIODeadline) -> Bool {
        guard let limit else { return true }
        var seen = state.load(ordering: .relaxed)
        while true {
            var next = seen
            guard limit.admit(&next, now: now) else { return false }
            let (exchanged, original) = state.compareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return true }
            seen = original
        }
    }
}
