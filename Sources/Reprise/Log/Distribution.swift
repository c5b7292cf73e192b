/// How a number was distributed over many events: exact, with one count per distinct value.
public struct Distribution: Equatable, Sendable {
    private var counts: [Int: UInt64] = [:]
    /// How many values were noted.
    public private(set) var count: UInt64 = 0
    /// Their sum.
    public private(set) var sum: UInt64 = 0

    /// No values.
    public init() {}

    /// Notes a value.
    public mutating func note(_ value: Int) {
        counts[value, default: 0] += 1
        count += 1
        sum += UInt64(value)
    }

    /// The values below or at which the given shares of all values lie, by the nearest-rank method: 0 gives the least,
    /// 1 the greatest. Empty when nothing was noted.
    ///
    /// - Complexity: O(d log d) in the number of distinct values.
    public func quantiles(_ shares: [Double]) -> [Int] {
        guard count > 0 else { return [] }
        let sorted = counts.sorted { $0.key < $1.key }
        return shares.map { share in
            let rank = max(1, UInt64((share * Double(count)).rounded(.up)))
            var seen: UInt64 = 0
            for (value, count) in sorted {
                seen += count
                if seen >= rank { return value }
            }
            return sorted[sorted.count - 1].key
        }
    }
}
