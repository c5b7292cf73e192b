/// How far the time of a log is ahead of a clock.
///
/// Times in a log never go back. So an event that was stamped while a clock was wrong holds up the time of all that follow it, until
/// the clock has caught up. Digests and order do not depend on it.
public struct ClockLead: Hashable, Comparable, Sendable {
    /// Nanoseconds; 0 where the clock is ahead, as it should be.
    public let nanoseconds: Int64

    /// A lead up to this is what clocks do that are set by others: 10 seconds.
    public static let usualMax = ClockLead(nanoseconds: 10 * Timestamp.nanosecondsPerSecond)

    private init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// Compares the time of a log's last event with a clock. A log without events has no time that could be ahead.
    public init(of tail: Timestamp, over clock: Timestamp) {
        let (lead, overflow) = tail.rawValue.subtractingReportingOverflow(clock.rawValue)
        nanoseconds = overflow ? (tail > clock ? .max : 0) : max(0, lead)
    }

    /// Seconds, to the millisecond.
    public var seconds: Double { Double(nanoseconds / 1_000_000) / 1000 }

    /// Orders by size.
    public static func < (left: ClockLead, right: ClockLead) -> Bool { left.nanoseconds < right.nanoseconds }
}
