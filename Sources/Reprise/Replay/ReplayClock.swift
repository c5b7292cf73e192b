// From recorded time to the time of a replay. Pure: whoever paces a replay has a clock of its own and does the waiting.

/// Says when events are due in a replay that keeps the recorded spacing, faster, slower or with long gaps cut short.
public struct ReplayClock: Sendable {
    /// Times faster than recorded.
    public let speed: Double
    /// The longest wait between two events, in the time of the replay; `nil` for any.
    public let waitMax: Duration?
    /// A recorded moment and when it is due; what follows is reckoned from there, so that no rounding adds up.
    private var anchor: (recorded: Timestamp, due: Duration)?
    /// When the last event was due.
    private var last = Duration.zero

    /// A clock that has not begun.
    ///
    /// - Precondition: `speed` is above 0 and finite.
    public init(speed: Double, waitMax: Duration? = nil) {
        precondition(speed > 0 && speed.isFinite, "a speed of \(speed)")
        self.speed = speed
        self.waitMax = waitMax
    }

    /// When an event is due, counted from the first one, which is due at once.
    ///
    /// - Parameter recorded: the event's time; events are given in order.
    public mutating func due(_ recorded: Timestamp) -> Duration {
        guard let anchor else {
            self.anchor = (recorded, .zero)
            return .zero
        }
        let (nanoseconds, overflow) = recorded.rawValue.subtractingReportingOverflow(anchor.recorded.rawValue)
        var due = anchor.due + ReplayClock.duration(Double(overflow ? .max : nanoseconds) / speed)
        if due < last { due = last }
        if let waitMax, due - last > waitMax {
            due = last + waitMax
            self.anchor = (recorded, due)
        }
        last = due
        return due
    }

    /// A number of nanoseconds, at most 292 years of them.
    private static func duration(_ nanoseconds: Double) -> Duration {
        .nanoseconds(Int64(exactly: nanoseconds.rounded()) ?? (nanoseconds < 0 ? .min : .max))
    }
}
