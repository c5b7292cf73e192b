// What the server asks the machine it runs on.

internal import Glibc
internal import Reprise

/// The machine.
enum Host {
    /// The wall clock; read once for each commit.
    static var now: Timestamp {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(rawValue: Int64(now.tv_sec) * Timestamp.nanosecondsPerSecond + Int64(now.tv_nsec))
    }

    /// What the system says of an `errno` value.
    static func text(ofError number: CInt) -> String { unsafe String(cString: strerror(number)) }

    /// The name of the machine.
    static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Changes with every boot; empty where the system has none.
    static var bootID: String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let descriptor = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter { !$0.isWhitespace }
    }
}
