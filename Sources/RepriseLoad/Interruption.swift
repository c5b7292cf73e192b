internal import Glibc
internal import Synchronization

/// The signal that asked for the end; 0 while there is none. A handler may do no more than store to it.
private let received = Atomic<Int32>(0)

/// SIGINT and SIGTERM as a question that a run asks in every turn, so that what it started is stopped and deleted on its
/// way out. Every wait of this module is a `poll` or an `epoll_wait`, which a signal ends.
public enum Interruption {
    /// Takes both signals from now on. A SIGINT that whoever started the process ignores stays ignored.
    public static func watch() {
        _ = received.load(ordering: .relaxed)
        var inherited = sigaction()
        unsafe sigaction(SIGINT, nil, &inherited)
        let isIgnored = unsafe unsafeBitCast(inherited.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
        for number in isIgnored ? [SIGTERM] : [SIGINT, SIGTERM] {
            _ = Glibc.signal(number) { received.store($0, ordering: .relaxed) }
        }
    }

    /// - Throws: ``LoadError/interrupted(signal:)`` once there was a signal.
    @inline(__always)
    static func check() throws(LoadError) {
        let number = received.load(ordering: .relaxed)
        if number != 0 { throw .interrupted(signal: number) }
    }
}
