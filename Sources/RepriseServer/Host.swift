// What the server asks the machine it runs on.

internal import Glibc
internal import Reprise

/// The machine.
package enum Host {
    /// The wall clock; read once for each commit.
    static var now: Timestamp {
        var now = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &now)
        return Timestamp(rawValue: Int64(now.tv_sec) * Timestamp.nanosecondsPerSecond + Int64(now.tv_nsec))
    }

    /// What the system says of an `errno` value.
    static func text(ofError number: CInt) -> String { unsafe String(cString: strerror(number)) }

    /// Why a file cannot be read, or `nil` when it can.
    static func reasonNotToRead(_ path: String) -> String? {
        unsafe access(path, R_OK) == 0 ? nil : text(ofError: errno)
    }

    /// The name of the machine.
    static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "unknown" }
        return String(decoding: bytes.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// Raises the limit of open descriptors to `count`, or as far towards it as this process may.
    ///
    /// - Returns: how many descriptors it may have now.
    static func raiseDescriptorLimit(toHold count: Int) -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard unsafe getrlimit(resource, &limit) == 0 else { return .max }
        let wanted = rlimit(rlim_cur: max(limit.rlim_cur, rlim_t(count)), rlim_max: max(limit.rlim_max, rlim_t(count)))
        for var attempt in [wanted, rlimit(rlim_cur: limit.rlim_max, rlim_max: limit.rlim_max)]
        where unsafe setrlimit(resource, &attempt) == 0 {
            return Int(clamping: attempt.rlim_cur)
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// How many descriptors are open.
    static var descriptorCount: Int { openDescriptors().count }

    private static func openDescriptors() -> [String] {
        guard let folder = unsafe opendir("/proc/self/fd") else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// Keeps a descriptor from programs that this process starts.
    static func closeOnExec(_ descriptor: CInt) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }

    /// The same for every epoll instance of this process: NIO makes those of its loops without the flag, and does not hand them
    /// out.
    static func closeEpollsOnExec() {
        for name in openDescriptors() {
            var target = [CChar](repeating: 0, count: 64)
            guard let descriptor = CInt(name), unsafe readlink("/proc/self/fd/\(name)", &target, target.count - 1) > 0,
                String(decoding: target.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                    == "anon_inode:[eventpoll]"
            else { continue }
            closeOnExec(descriptor)
        }
    }

    /// Whether users other than the owner may do anything with a file or folder.
    static func isOpenToOthers(_ path: String) -> Bool {
        var found = stat()
        return unsafe stat(path, &found) == 0 && found.st_mode & 0o077 != 0
    }

    /// Changes with every boot; empty where the system has none.
    package static var bootID: String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let descriptor = unsafe open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).filter { !$0.isWhitespace }
    }
}
