// LMDB trusts its pages: a damaged one can make it follow a wild pointer, or fail an assertion. A command that only
// reads, or a server that takes up a log, then has found damage, and says so with the exit code for it.

internal import Glibc
internal import LMDB
internal import Reprise
internal import Synchronization

/// The last position that was read, for the handler. Set at the first use, which is before the handler is.
private let lastRead = Atomic<UInt64>(0)

/// Turns a fault that says something of a log, and an assertion of LMDB, into the message and the exit code of damage. Every
/// other crash is one of ours and stays a crash.
enum DamageTrap {
    private static let isArmed = Mutex(false)

    /// What handled SIGSEGV and SIGBUS before; written before the handler is installed. On the heap: the compiler (6.3.1) gives
    /// a global `sigaction` 148 of its 152 bytes.
    private nonisolated(unsafe) static let before = UnsafeMutablePointer<sigaction>.allocate(capacity: 2)

    /// Installs the handler. For what reads a log and does nothing else.
    static func arm() {
        lastRead.store(0, ordering: .relaxed)
        isArmed.withLock { isArmed in
            if isArmed { return }
            isArmed = true
            FaultOrigin.prepare()
            unsafe sigaction(SIGSEGV, nil, before)
            unsafe sigaction(SIGBUS, nil, before + 1)
            var action = sigaction()
            unsafe action.__sigaction_handler.sa_sigaction = fault
            action.sa_flags = SA_SIGINFO
            for number in [SIGSEGV, SIGBUS] { unsafe sigaction(number, &action, nil) }
            Environment.onFailedAssertion { report() }
        }
    }

    /// Gives the signals back: from now on a crash is one.
    static func disarm() {
        isArmed.withLock { isArmed in
            guard isArmed else { return }
            isArmed = false
            for number in [SIGSEGV, SIGBUS] { restore(number) }
            Environment.onFailedAssertion(nil)
        }
    }

    /// Notes how far reading has come.
    static func note(_ position: Position) { lastRead.store(position.rawValue, ordering: .relaxed) }

    /// In here and in what it calls stands only what `signal-safety(7)` allows: no allocation, no lock.
    private static let fault:
        @convention(c) (Int32, UnsafeMutablePointer<siginfo_t>?, UnsafeMutableRawPointer?) -> Void =
            { number, info, context in
                // The kernel's own codes are above 0. A signal that somebody sent has no address.
                guard let info = unsafe info, unsafe info.pointee.si_code > 0 else {
                    DamageTrap.restore(number)
                    raise(number)  // It waits until the handler has returned.
                    return
                }
                let address = UInt(bitPattern: unsafe info.pointee._sifields._sigfault.si_addr)
                if FaultOrigin.isLog(address: address, instruction: unsafe DamageTrap.instruction(context)) {
                    DamageTrap.report()
                }
                DamageTrap.restore(number)  // Returning makes the same access again.
            }

    private static func restore(_ number: Int32) {
        _ = unsafe sigaction(number, number == SIGSEGV ? before : before + 1, nil)
    }

    /// Where the code was that a signal interrupted.
    private static func instruction(_ context: UnsafeMutableRawPointer?) -> UInt {
        guard let context = unsafe context?.assumingMemoryBound(to: ucontext_t.self) else { return 0 }
        #if arch(x86_64)
            return unsafe UInt(bitPattern: Int(context.pointee.uc_mcontext.gregs.16))  // REG_RIP
        #elseif arch(arm64)
            return unsafe UInt(context.pointee.uc_mcontext.pc)
        #else
            return 0
        #endif
    }

    private static func report() -> Never {
        let position = lastRead.load(ordering: .relaxed)
        say("reprise: the log is damaged")
        if position > 0 { sayPosition(position) }
        say(": its pages cannot be followed; restore a copy, or export what still reads\n")
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
