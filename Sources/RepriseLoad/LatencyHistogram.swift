/// Counts of durations in log-linear buckets: exact below 256 ns, then 128 buckets for each doubling, so that a value is
/// known to better than 0.8 %.
///
/// ```
/// index    0 … 255      256 … 383          384 … 511          …
/// value    0 … 255 ns   256 … 511, by 2    512 … 1023, by 4   …
/// ```
///
/// Recording costs a few instructions and never allocates.
public struct LatencyHistogram: Sendable, Equatable {
    private static let subBits = 7
    private static let subCount = 1 << subBits

    private var counts = [UInt64](repeating: 0, count: (64 - subBits + 1) * subCount)
    /// Durations recorded.
    public private(set) var count: UInt64 = 0
    /// The longest duration, nanoseconds, exactly; 0 if there is none.
    public private(set) var max: Int = 0
    private var sum: Double = 0

    /// A histogram with nothing recorded.
    public init() {}

    /// Counts a duration.
    ///
    /// - Parameters:
    ///   - nanoseconds: the duration; negative ones count as 0.
    ///   - times: how often it counts (one sample that stands for several deliveries).
    public mutating func record(_ nanoseconds: Int, times: Int = 1) {
        let value = nanoseconds < 0 ? 0 : nanoseconds
        counts[Self.index(of: value)] &+= UInt64(truncatingIfNeeded: times)
        count &+= UInt64(truncatingIfNeeded: times)
        sum += Double(value) * Double(times)
        if value > max { max = value }
    }

    /// The mean in nanoseconds; 0 if nothing was recorded.
    public var mean: Double { count == 0 ? 0 : sum / Double(count) }

    /// The duration that `percent` of the recorded ones do not exceed, nanoseconds: the upper end of its bucket, and
    /// never more than ``max``. 0 if nothing was recorded.
    ///
    /// - Parameter percent: 0…100.
    /// - Complexity: one pass over some 7 400 buckets.
    public func percentile(_ percent: Double) -> Int {
        guard count > 0 else { return 0 }
        let rank = Swift.max(1, UInt64((percent / 100 * Double(count)).rounded(.up)))
        var seen: UInt64 = 0
        for index in counts.indices {
            seen &+= counts[index]
            if seen >= rank { return Swift.min(Self.upperBound(of: index), max) }
        }
        return max
    }

    /// The bucket of a value.
    static func index(of value: Int) -> Int {
        let bits = Int.bitWidth - value.leadingZeroBitCount
        guard bits > subBits + 1 else { return value }
        let shift = bits - subBits - 1
        return shift * subCount + (value >> shift)
    }

    /// The largest value of a bucket.
    static func upperBound(of index: Int) -> Int {
        guard index >= 2 * subCount else { return index }
        let shift = index / subCount - 1
        let top = index - shift * subCount
        return (top << shift) + ((1 << shift) - 1)
    }
}
