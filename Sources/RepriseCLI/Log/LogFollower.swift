internal import Reprise

/// Reads a log from a position on, and waits at its end for what a server appends.
///
/// LMDB tells nobody of a commit, so the end is looked at ten times a second. Nothing is held open meanwhile.
struct LogFollower: ~Copyable {
    private var reader: LogReader

    /// Follows a log. SIGINT and SIGTERM end the waiting from now on, and nothing else: see ``StopSignal``.
    ///
    /// - Parameter position: the first position to read; at most the one after the log's last.
    init(_ log: EventLog, from position: Position) throws(LogError) {
        StopSignal.watch()
        reader = try LogReader(log, from: position)
    }

    /// The next events, at least one; waits for them. Empty when told to stop: by a signal, or because nobody reads
    /// standard output any more.
    mutating func next() throws(LogError) -> [Event] {
        while StopSignal.number == nil {
            let events = try reader.read()
            if let last = events.last {
                DamageTrap.note(last.position)
                return events
            }
            if !StopSignal.waitForMore() { break }
        }
        return []
    }
}
