import CLinux  // Its header declares `timespec` too, so the compiler wants it named.
import Glibc

/// The few calls into libc that belong to no socket: clock, descriptor limit, error texts, small `/proc` files.
///
/// Every `unsafe` here is a call with a pointer to a local value that outlives the call.
enum SystemCall {
    /// Nanoseconds of the monotonic clock.
    static func now() -> Int {
        nanoseconds(of: CLOCK_MONOTONIC) ?? 0
    }

    /// Nanoseconds that a clock shows, or nil if there is no such clock.
    static func nanoseconds(of clock: clockid_t) -> Int? {
        var time = timespec()
        guard unsafe clock_gettime(clock, &time) == 0 else { return nil }
        return time.tv_sec &* 1_000_000_000 &+ time.tv_nsec
    }

    /// CPU nanoseconds (user and system) of another process, or nil if it is gone.
    static func cpuNanoseconds(ofProcess pid: Int32) -> Int? {
        var clock = clockid_t()
        guard unsafe clock_getcpuclockid(pid, &clock) == 0 else { return nil }
        return nanoseconds(of: clock)
    }

    /// The system's words for an error number.
    static func errorText(_ code: Int32) -> String {
        unsafe String(cString: strerror(code))
    }

    /// Makes room for a run's connections.
    ///
    /// - Parameters:
    ///   - connections: how many the run opens.
    ///   - others: descriptors beside theirs.
    /// - Throws: ``LoadError/invalidPlan(_:)`` when the limit is lower and cannot be raised.
    static func makeRoom(forConnections connections: Int, others: Int) throws(LoadError) {
        let needed = connections + others
        let descriptors = raiseDescriptorLimit(toHold: needed)
        guard needed <= descriptors else {
            throw .invalidPlan(
                "\(connections) connections need \(needed) descriptors; the limit is \(descriptors) (ulimit -n)")
        }
    }

    /// Raises the limit of open descriptors, for this process and those that it starts from now on: to the hard limit,
    /// and beyond it where that is needed and the process may.
    ///
    /// - Returns: the limit in force.
    static func raiseDescriptorLimit(toHold count: Int) -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
        limit.rlim_cur = limit.rlim_max
        _ = unsafe setrlimit(resource, &limit)
        if limit.rlim_max < rlim_t(count) {
            limit = rlimit(rlim_cur: rlim_t(count), rlim_max: rlim_t(count))
            _ = unsafe setrlimit(resource, &limit)
        }
        guard unsafe getrlimit(resource, &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }

    /// The text of a small file (at most 16 KiB are read), or nil if it cannot be read.
    static func text(ofFile path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 16 << 10) { buffer, count in
            count = max(0, unsafe read(descriptor, buffer.baseAddress, buffer.count))
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
