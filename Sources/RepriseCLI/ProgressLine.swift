internal import Glibc

/// One line on standard error that is written over again and again; silent where standard error is no terminal.
struct ProgressLine {
    let isTerminal = isatty(STDERR_FILENO) != 0
    private var isShown = false

    /// Puts a text in the place of the last one.
    mutating func show(_ text: String) {
        guard isTerminal else { return }
        isShown = true
        write("\r\(text)\u{1B}[K")
    }

    /// Takes the line away.
    mutating func clear() {
        if isShown { write("\r\u{1B}[K") }
        isShown = false
    }

    private func write(_ text: String) { StandardStream.write(text, to: STDERR_FILENO) }
}
