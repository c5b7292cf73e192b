import Glibc

/// What a process has used up to now. The CPU time comes from the process's CPU clock (nanoseconds, all threads, user
/// and system: finer than the ticks of `/proc/PID/stat`), the memory from `/proc/PID/status`.
struct ProcessUsage: Equatable, Sendable {
    /// User and system time of all threads.
    var cpuNanoseconds: Int
    /// Resident bytes now (`VmRSS`).
    var residentBytes: Int
    /// The most that ever was resident (`VmHWM`).
    var peakResidentBytes: Int

    /// The usage of the process with this number; nil if there is none, or it cannot be read.
    static func of(process pid: Int32) -> ProcessUsage? {
        guard let cpu = SystemCall.cpuNanoseconds(ofProcess: pid),
            let status = SystemCall.text(ofFile: "/proc/\(pid)/status")
        else { return nil }
        return ProcessUsage(
            cpuNanoseconds: cpu, residentBytes: bytes(of: "VmRSS:", in: status),
            peakResidentBytes: bytes(of: "VmHWM:", in: status))
    }

    /// This process's CPU time in nanoseconds.
    static func ownCPUNanoseconds() -> Int {
        SystemCall.nanoseconds(of: CLOCK_PROCESS_CPUTIME_ID) ?? 0
    }

    /// Nanoseconds for which this thread was ready to run and had no CPU, since it started: the measure of a starved
    /// generator. 0 where the kernel does not count it.
    static func ownRunQueueNanoseconds() -> Int {
        guard let text = SystemCall.text(ofFile: "/proc/thread-self/schedstat") else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? Int(fields[1]) ?? 0 : 0
    }

    /// A field of `/proc/PID/status` in bytes; 0 if it is missing.
    static func bytes(of field: String, in status: String) -> Int {
        for line in status.split(separator: "\n") where line.hasPrefix(field) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            return words.count > 1 ? (Int(words[1]) ?? 0) * 1024 : 0
        }
        return 0
    }
}
