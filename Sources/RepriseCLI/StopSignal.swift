// Commands that go on until they are told to stop: SIGINT and SIGTERM as a question, and waits that they end.

internal import Glibc
internal import Synchronization

/// The signal that asked for the end; 0 while there is none. A handler may do no more than store to it.
private let received = Atomic<Int32>(0)

/// SIGINT and SIGTERM, taken by commands that have something to finish: a report, a line, a file.
enum StopSignal {
    /// Takes both signals from now on, but for a SIGINT that is ignored.
    static func watch() {
        _ = received.load(ordering: .relaxed)
        for number in [SIGINT, SIGTERM] where number == SIGTERM || !InheritedSignal.isIgnored(number) {
            _ = Glibc.signal(number) { received.store($0, ordering: .relaxed) }
        }
    }

    /// The signal that came since `watch`, if one did.
    static var number: Int32? {
        let number = received.load(ordering: .relaxed)
        return number == 0 ? nil : number
    }

    /// The longest single wait: a signal that comes right before one is noticed after so long.
    private static let sliceMax = Duration.milliseconds(100)

    /// Waits until `moment`, or until a signal comes.
    ///
    /// - Returns: whether the moment came, rather than a signal.
    static func wait(until moment: ContinuousClock.Instant) -> Bool {
        while number == nil {
            let left = moment - .now
            if left <= .zero { return true }
            var slice = timespec(min(left, sliceMax))
            unsafe nanosleep(&slice, nil)
        }
        return false
    }

    /// Waits until there is something to read, or its writer has gone, or a signal comes.
    ///
    /// - Returns: whether reading will not block.
    static func waitToRead(_ descriptor: Int32) -> Bool {
        while number == nil {
            if poll(descriptor, Int16(POLLIN)) != 0 { return true }
        }
        return false
    }

    /// Waits for one slice, or until a signal comes, or until nobody reads standard output any more, as after `| head`.
    ///
    /// - Returns: whether to go on.
    static func waitForMore() -> Bool {
        if number != nil { return false }
        let gone = poll(STDOUT_FILENO, 0) & Int16(POLLERR) != 0
        return !gone && number == nil
    }

    /// What became of a descriptor within one slice; 0 when nothing did.
    private static func poll(_ descriptor: Int32, _ events: Int16) -> Int16 {
        var entry = pollfd(fd: descriptor, events: events, revents: 0)
        let count = unsafe Glibc.poll(&entry, 1, Int32(sliceMax / .milliseconds(1)))
        return count > 0 ? entry.revents : 0
    }
}

extension timespec {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: Int(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
