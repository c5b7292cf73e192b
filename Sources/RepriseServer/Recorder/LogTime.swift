internal import Logging
internal import Reprise
internal import Synchronization

/// The time of the last event, readable from every loop, and what is to be said when it is ahead of the clock.
final class LogTime: Sendable {
    private let tail: Atomic<Int64>
    private let clock: @Sendable () -> Timestamp
    private let logger: Logger
    private let isAhead = Atomic<Bool>(false)

    init(_ tail: Timestamp, clock: @escaping @Sendable () -> Timestamp, logger: Logger) {
        self.tail = Atomic(tail.rawValue)
        self.clock = clock
        self.logger = logger
    }

    /// How far the log is ahead now.
    var lead: ClockLead { ClockLead(of: Timestamp(rawValue: tail.load(ordering: .relaxed)), over: clock()) }

    /// Something was committed.
    func note(_ tail: Timestamp) { self.tail.store(tail.rawValue, ordering: .relaxed) }

    /// Warns where the log is further ahead than is usual, once for as long as it is. Called at the start and from time to time: the
    /// clock may be set back under a server that runs.
    func check() {
        let lead = lead
        guard isAhead.exchange(lead > .usualMax, ordering: .relaxed) == false, lead > .usualMax else { return }
        logger.warning(
            """
            the last event of the log is \(lead.seconds) s ahead of this machine's clock: one of the two was wrong. New events get \
            the time of that one until the clock has caught up; nothing else changes, and /health shows it as clockLead. Set the \
            clock if it is behind, or wait, or go on in a new folder (--data), and keep this one for reading; it may begin with what \
            was recorded before the jump: reprise log export --to @-0s OLD | reprise log import NEW
            """)
    }
}
