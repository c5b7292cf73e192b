internal import Reprise

/// A bar on standard error that shows how far a replay has come; silent where standard error is no terminal.
struct ReplayProgress {
    private let verb: String
    private let first: Position
    private let last: Position
    private var line = ProgressLine()
    private let started = ContinuousClock.now
    private var shown: ContinuousClock.Instant?
    private static let width = 24

    /// - Parameters:
    ///   - first: the first position that is replayed.
    ///   - last: the last one.
    init(_ session: SessionID, first: Position, last: Position) {
        verb = "replaying session \(session)"
        self.first = first
        self.last = last
    }

    /// Shows the position, at most five times a second and not in the first second.
    mutating func note(_ position: Position, _ time: Timestamp) {
        DamageTrap.note(position)
        guard line.isTerminal else { return }
        let now = ContinuousClock.now
        guard now - started > .seconds(1), shown.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
        shown = now
        let done = Double(position.next.rawValue) - Double(first.rawValue)
        let share = min(max(done / max(1, Double(last.next.rawValue) - Double(first.rawValue)), 0), 1)
        let filled = Int(share * Double(ReplayProgress.width))
        let bar =
            String(repeating: "█", count: filled) + String(repeating: "░", count: ReplayProgress.width - filled)
        let rate = UInt64(done / ((now - started) / .seconds(1)))
        line.show(
            "\(position)  \(verb) \(bar) \(Int(share * 100)) %  \(UInt64(done)) events, recorded "
                + "\(time.iso8601(fractionDigits: 0)), \(rate) events/s")
    }

    /// Takes the bar away; it comes back no earlier than it would have.
    mutating func clear() { line.clear() }
}
