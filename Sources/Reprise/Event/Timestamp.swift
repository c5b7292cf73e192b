// Moments as numbers. Nothing here reads a clock: the server does, once per commit, and writes what it read into the
// event.

/// A moment: nanoseconds since 1970-01-01T00:00:00Z, leap seconds ignored.
public struct Timestamp: RawRepresentable, Hashable, Comparable, Sendable {
    /// Nanoseconds since the epoch.
    public var rawValue: Int64

    /// Wraps a number of nanoseconds since the epoch.
    public init(rawValue: Int64) { self.rawValue = rawValue }

    /// Nanoseconds in a second.
    public static let nanosecondsPerSecond: Int64 = 1_000_000_000

    /// Whole milliseconds since the epoch, the unit of AWS events.
    public var milliseconds: Int64 { floorDivide(rawValue, 1_000_000) }

    /// Orders by time.
    public static func < (left: Timestamp, right: Timestamp) -> Bool { left.rawValue < right.rawValue }

    /// The moment as ISO 8601 in UTC.
    ///
    /// - Parameter digits: digits of the second's fraction, 0 to 9; what lies beyond is cut off.
    /// - Returns: for example `2026-01-01T00:00:00.000000000Z`.
    public func iso8601(fractionDigits digits: Int = 9) -> String {
        let seconds = floorDivide(rawValue, Timestamp.nanosecondsPerSecond)
        let nanoseconds = rawValue - seconds * Timestamp.nanosecondsPerSecond
        let days = floorDivide(seconds, 86_400)
        let secondOfDay = seconds - days * 86_400
        let date = civilDate(daysSinceEpoch: days)
        var text = padded(date.year, 4) + "-" + padded(date.month, 2) + "-" + padded(date.day, 2)
        text += "T" + padded(secondOfDay / 3600, 2) + ":" + padded(secondOfDay / 60 % 60, 2)
        text += ":" + padded(secondOfDay % 60, 2)
        if digits > 0 { text += "." + padded(nanoseconds, 9).prefix(digits) }
        return text + "Z"
    }

    /// The years that lie whole within 64 bits of nanoseconds.
    private static let years: ClosedRange<Int64> = 1678...2261

    /// Reads `YYYY-MM-DDTHH:MM:SS[.fraction]Z`, or the date alone for its midnight; `nil` for anything else, and for years
    /// before 1678 and after 2261.
    public init?(iso8601 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        func has(_ character: UInt8, at index: Int) -> Bool { index < bytes.count && bytes[index] == character }

        guard let year = number(0..<4), has(0x2D, at: 4), let month = number(5..<7), has(0x2D, at: 7),
            let day = number(8..<10), (1...12).contains(month), (1...31).contains(day), Timestamp.years.contains(year)
        else { return nil }
        let days = daysSinceEpoch(year: year, month: month, day: day)
        guard civilDate(daysSinceEpoch: days) == (year, month, day) else { return nil }  // 30 February
        var seconds = days * 86_400
        var nanoseconds: Int64 = 0
        if bytes.count > 10 {
            guard has(0x54, at: 10), let hour = number(11..<13), has(0x3A, at: 13), let minute = number(14..<16),
                has(0x3A, at: 16), let second = number(17..<19), hour < 24, minute < 60, second < 60,
                bytes.last == 0x5A
            else { return nil }
            seconds += hour * 3600 + minute * 60 + second
            let fraction = 20..<max(20, bytes.count - 1)
            if has(0x2E, at: 19) {
                guard (1...9).contains(fraction.count), let value = number(fraction) else { return nil }
                nanoseconds = (fraction.count..<9).reduce(value) { scaled, _ in scaled * 10 }
            } else if bytes.count != 20 {
                return nil
            }
        }
        rawValue = seconds * Timestamp.nanosecondsPerSecond + nanoseconds
    }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
}

private func floorDivide(_ value: Int64, _ divisor: Int64) -> Int64 {
    let quotient = value / divisor
    return value % divisor < 0 ? quotient - 1 : quotient
}

/// The proleptic Gregorian date of a day number (Howard Hinnant, "chrono-compatible low-level date algorithms").
func civilDate(daysSinceEpoch: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = daysSinceEpoch + 719_468  // days since 0000-03-01
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let shiftedMonth = (5 * dayOfYear + 2) / 153
    let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
}

/// The inverse of `civilDate`.
func daysSinceEpoch(year: Int64, month: Int64, day: Int64) -> Int64 {
    let shiftedYear = month <= 2 ? year - 1 : year
    let era = floorDivide(shiftedYear, 400)
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
    return era * 146_097 + dayOfEra - 719_468
}
