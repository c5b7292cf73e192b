internal import Reprise

/// A line on standard error that shows how far a long walk has come; silent where standard error is no terminal.
struct Progress {
    private let verb: String
    private let end: Position
    private var line = ProgressLine()
    private let started = ContinuousClock.now
    private var shown: ContinuousClock.Instant?

    /// - Parameter verb: what is being done, such as `replaying`.
    init(_ verb: String, through end: Position) {
        self.verb = verb
        self.end = end
    }

    /// Shows the position, at most five times a second and not in the first second.
    mutating func note(_ position: Position) {
        DamageTrap.note(position)
        guard line.isTerminal else { return }
        let now = ContinuousClock.now
        guard now - started > .seconds(1), shown.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
        shown = now
        line.show("\(position)  \(verb), to \(end)")
    }

    /// Takes the line away.
    mutating func clear() {
        line.clear()
        shown = nil
    }
}
