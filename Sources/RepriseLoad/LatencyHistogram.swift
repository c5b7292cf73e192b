internal import Histogram

/// Counts of durations in an HdrHistogram of three significant digits: every value is known to better than 0.1 %, up to
/// an hour. Recording costs a few instructions and never allocates; one histogram takes 270 KB.
public struct LatencyHistogram: Sendable, Equatable {
    /// Longer durations count as this long, nanoseconds: an hour.
    private static let longest = 3_600_000_000_000
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: UInt64(longest), numberOfSignificantValueDigits: .three)

    /// A histogram with nothing recorded.
    public init() {}

    /// Counts a duration.
    ///
    /// - Parameters:
    ///   - nanoseconds: the duration; negative ones count as 0.
    ///   - times: how often it counts (one sample that stands for several deliveries).
    public mutating func record(_ nanoseconds: Int, times: Int = 1) {
        let value = Swift.min(Swift.max(nanoseconds, 0), Self.longest)
        histogram.record(UInt64(value), count: UInt64(times))
    }

    /// Durations recorded.
    public var count: UInt64 { histogram.totalCount }
    /// The longest duration, nanoseconds, exactly; 0 if there is none.
    public var max: Int { Int(histogram.maxRecorded) }
    /// The mean in nanoseconds; 0 if nothing was recorded.
    public var mean: Double { histogram.mean }

    /// The duration that `percent` of the recorded ones do not exceed, nanoseconds, and never more than ``max``. 0 if
    /// nothing was recorded.
    ///
    /// - Parameter percent: 0…100.
    /// - Complexity: one pass over some 33 000 counts.
    public func percentile(_ percent: Double) -> Int {
        count == 0 ? 0 : Int(histogram.valueAtPercentile(percent))
    }
}
