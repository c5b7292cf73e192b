/// How many events and messages came when: counts in equal stretches of time between a first and a last moment.
public struct EventRates: Equatable, Sendable {
    /// The most stretches.
    public static let bucketCountMax = 60

    /// When the first stretch begins.
    public let start: Timestamp
    /// How long each stretch is, nanoseconds; at least 1.
    public let bucketNanoseconds: Int64
    /// Events of each stretch.
    public private(set) var events: [UInt64]
    /// Of these the messages.
    public private(set) var messages: [UInt64]

    /// No events yet.
    ///
    /// - Parameter times: the moments of the first and the last event that will be noted.
    public init(over times: ClosedRange<Timestamp>) {
        start = times.lowerBound
        let (length, overflow) = times.upperBound.rawValue.subtractingReportingOverflow(start.rawValue)
        let span = overflow ? .max : length
        bucketNanoseconds = span / Int64(EventRates.bucketCountMax) + 1
        events = Array(repeating: 0, count: Int(span / bucketNanoseconds) + 1)
        messages = events
    }

    /// Counts an event. One outside of the times that were given belongs to the nearest stretch.
    mutating func note(_ event: Event) {
        let (offset, overflow) = event.time.rawValue.subtractingReportingOverflow(start.rawValue)
        let bucket = overflow ? events.count - 1 : Int(offset / bucketNanoseconds)
        let index = min(max(bucket, 0), events.count - 1)
        events[index] += 1
        if case .message = event.fact { messages[index] += 1 }
    }

    /// A count of one stretch as a rate per second.
    public func perSecond(_ count: UInt64) -> Double {
        Double(count) * Double(Timestamp.nanosecondsPerSecond) / Double(bucketNanoseconds)
    }
}
