// Reading on at the end of a log that a server writes. LMDB tells nobody that something was committed, so the tail is
// looked at at an interval; each look is one short transaction.

internal import Glibc
internal import Reprise
internal import Synchronization

/// The signal that asked for the end; 0 while there is none. A handler may do no more than store to it.
private let received = Atomic<Int32>(0)

/// Yields the events of a log from a position on, also those that are still to come.
struct LogFollower {
    /// How long to wait before the tail is looked at again, microseconds.
    private static let intervalMicroseconds: UInt32 = 50_000

    private var reader: LogReader
    private var events: [Event] = []

    /// Starts at `position`, and takes SIGINT and SIGTERM from now on: they end `next`, so that a command that follows
    /// ends with 0.
    init(_ log: EventLog, from position: Position) throws(LogError) {
        reader = try LogReader(log, from: position)
        _ = received.load(ordering: .relaxed)  // made before a handler may need it
        for number in [SIGINT, SIGTERM] { _ = signal(number) { received.store($0, ordering: .relaxed) } }
    }

    /// The next events; waits for them at the end of the log.
    ///
    /// - Parameter idle: is called before a wait: the place to write what was gathered.
    /// - Returns: `nil` once a signal has asked for the end.
    mutating func next(idle: () throws -> Void) throws -> [Event]? {
        while received.load(ordering: .relaxed) == 0 {
            try reader.read(into: &events)
            DamageTrap.note(reader.next.previous)
            if !events.isEmpty { return events }
            try idle()
            // A signal ends the wait.
            usleep(LogFollower.intervalMicroseconds)
        }
        return nil
    }
}
