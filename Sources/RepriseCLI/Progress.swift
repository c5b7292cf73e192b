internal import Glibc
internal import Reprise

/// A line on standard error that shows how far a long walk has come; silent where standard error is no terminal.
struct Progress {
    private let verb: String
    private let end: Position
    private let isTerminal = isatty(STDERR_FILENO) != 0
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
        guard isTerminal else { return }
        let now = ContinuousClock.now
        guard now - started > .seconds(1), shown.map({ now - $0 > .milliseconds(200) }) ?? true else { return }
        shown = now
        show("\r\(position)  \(verb), to \(end)")
    }

    /// Takes the line away.
    mutating func clear() {
        if shown != nil { show("\r\u{1B}[K") }
        shown = nil
    }

    private func show(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
