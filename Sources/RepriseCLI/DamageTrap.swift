// LMDB trusts its pages: a damaged one can make it follow a wild pointer, or fail an assertion. A command that only
// reads, or a server that takes up a log, then has found damage, and says so with the exit code for it.

internal import Glibc
internal import Reprise
internal import Synchronization

/// The last position that was read, for the handler. Set at the first use, which is before the handler is.
private let lastRead = Atomic<UInt64>(0)

/// Turns a crash inside of a damaged map into the message and the exit code of damage.
enum DamageTrap {
    /// What a crash inside of LMDB raises.
    private static let signals = [SIGSEGV, SIGBUS, SIGABRT]

    /// What handled the signals before.
    private static let replaced = Mutex<[Int32: sigaction]>([:])

    /// Installs the handler. For what reads a log and does nothing else.
    static func arm() {
        lastRead.store(0, ordering: .relaxed)
        replaced.withLock { replaced in
            for number in signals {
                var action = sigaction()
                unsafe action.__sigaction_handler.sa_handler = report
                var before = sigaction()
                guard unsafe sigaction(number, &action, &before) == 0, replaced[number] == nil else { continue }
                replaced[number] = before
            }
        }
    }

    /// Gives the signals back: from now on a crash is one.
    static func disarm() {
        replaced.withLock { replaced in
            for (number, var action) in replaced { unsafe sigaction(number, &action, nil) }
            replaced = [:]
        }
    }

    /// Notes how far reading has come.
    static func note(_ position: Position) { lastRead.store(position.rawValue, ordering: .relaxed) }

    /// Only what `signal-safety(7)` allows: no allocation, one `write`, `_exit`.
    private static let report: @convention(c) (Int32) -> Void = { number in
        let position = lastRead.load(ordering: .relaxed)
        DamageTrap.say("reprise: the log is damaged")
        if position > 0 { DamageTrap.sayPosition(position) }
        DamageTrap.say(": its pages cannot be followed; restore a copy, or export what still reads\n")
        _exit(ExitStatus.damaged.rawValue)
    }

    private static func sayPosition(_ position: UInt64) {
        say(" after position ")
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var rest = position
        var start = 20
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        unsafe digits.span.withUnsafeBytes { bytes in
            _ = unsafe write(STDERR_FILENO, bytes.baseAddress.map { unsafe $0 + start }, 20 - start)
        }
    }

    private static func say(_ text: StaticString) {
        _ = unsafe write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
}
