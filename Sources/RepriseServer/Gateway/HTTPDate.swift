internal import Reprise

extension Timestamp {
    /// The moment as a `Date` header has it, for example `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
    var httpDate: String {
        let text = iso8601(fractionDigits: 0)  // 1994-11-06T08:49:37Z
        let parts = text.split { !$0.isNumber }
        let days = Int(rawValue / (86_400 * Timestamp.nanosecondsPerSecond))
        guard parts.count == 6, let month = Int(parts[1]) else { return text }
        // 1970 began on a Thursday.
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][((days % 7) + 7) % 7]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        return "\(weekday), \(parts[2]) \(months[month - 1]) \(parts[0]) \(parts[3]):\(parts[4]):\(parts[5]) GMT"
    }
}
