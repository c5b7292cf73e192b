internal import Glibc

/// A program that was started with `posix_spawn`, and the pipe from its standard output.
///
/// `posix_spawn` and not swift-subprocess: the caller is a synchronous thread whose CPUs are counted, and that package
/// reads and reaps on threads and tasks of its own. The child is in a process group of its own, so that Ctrl-C reaches
/// only us and the child is stopped in good order.
///
/// Owns the pipe; whoever started the child must ``wait(nanoseconds:)`` for it. This file's `unsafe` is strings and
/// local structures lent to single calls.
struct ChildProcess: ~Copyable {
    let pid: pid_t
    private let output: Int32
    private var pending: [UInt8] = []
    private var exitStatus: Int32?

    /// - Parameters:
    ///   - path: the program's file.
    ///   - arguments: without the program's name.
    ///   - isHidden: whether an environment variable of this name is kept from the child.
    ///   - errorFile: where its standard error goes; made or appended to.
    /// - Throws: ``LoadError/system(operation:code:)`` when it cannot be started.
    init(
        _ path: String, _ arguments: [String], errorFile: String = "/dev/null",
        isHidden: (Substring) -> Bool = { _ in false }
    ) throws(LoadError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { throw .system(operation: "pipe", code: errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        unsafe posix_spawn_file_actions_init(&actions)
        unsafe posix_spawnattr_init(&attributes)
        defer {
            unsafe posix_spawn_file_actions_destroy(&actions)
            unsafe posix_spawnattr_destroy(&attributes)
        }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        unsafe posix_spawn_file_actions_addopen(
            &actions, STDERR_FILENO, errorFile, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        let environment = Self.environment().filter { !isHidden($0.prefix { $0 != "=" }) }
        var pid: pid_t = 0
        let code = unsafe Self.withCStrings([path] + arguments) { arguments in
            unsafe Self.withCStrings(environment) { environment in
                unsafe posix_spawn(&pid, path, &actions, &attributes, arguments, environment)
            }
        }
        guard code == 0 else {
            close(ends[0])
            throw .system(operation: "starting \(path)", code: code)
        }
        self.pid = pid
        output = ends[0]
    }

    deinit {
        close(output)
    }

    /// Sends a signal, unless the child was waited for.
    func signal(_ number: Int32) {
        if exitStatus == nil { kill(pid, number) }
    }

    /// The next line of its output; nil when it ended or nothing came in time.
    ///
    /// - Throws: ``LoadError/interrupted(signal:)``.
    mutating func line(nanoseconds: Int) throws(LoadError) -> String? {
        let deadline = SystemCall.now() + nanoseconds
        while true {
            if let end = pending.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: pending[..<end], as: UTF8.self)
                pending.removeSubrange(...end)
                return line
            }
            guard try awaitOutput(until: deadline, isInterruptible: true), readOutput() else { return nil }
        }
    }

    /// Whether its output has ended, which for a program without children of its own means that it is no more.
    mutating func hasEnded() throws(LoadError) -> Bool {
        while try awaitOutput(until: 0, isInterruptible: false) {
            if !readOutput() { return true }
        }
        return false
    }

    /// Waits until it has ended, and no longer than so long; what it printed meanwhile is dropped.
    ///
    /// - Returns: the exit code, or minus the signal that ended it; nil if it still runs.
    mutating func wait(nanoseconds: Int) throws(LoadError) -> Int32? {
        if let exitStatus { return exitStatus }
        let deadline = SystemCall.now() + nanoseconds
        repeat {
            guard try awaitOutput(until: deadline, isInterruptible: false) else { return nil }
        } while readOutput()
        var status: Int32 = 0
        while unsafe waitpid(pid, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        exitStatus = signal == 0 ? status >> 8 & 0xFF : -signal
        return exitStatus
    }

    /// - Returns: false when the time is over.
    private func awaitOutput(until deadline: Int, isInterruptible: Bool) throws(LoadError) -> Bool {
        while true {
            if isInterruptible { try Interruption.check() }
            // Short slices, for a signal may come just before the wait.
            let milliseconds = max(0, min(100, (deadline - SystemCall.now()) / 1_000_000 + 1))
            var entry = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
            let count = unsafe poll(&entry, 1, Int32(milliseconds))
            if count > 0 { return true }
            if count < 0, errno != EINTR { throw .system(operation: "poll", code: errno) }
            if SystemCall.now() >= deadline { return false }
        }
    }

    /// - Returns: false when there will be no more.
    private mutating func readOutput() -> Bool {
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = max(0, unsafe read(output, buffer.baseAddress, buffer.count))
        }
        pending += bytes
        return !bytes.isEmpty
    }

    private static func environment() -> [String] {
        var entries: [String] = []
        var next = unsafe environ
        while let entry = unsafe next.pointee {
            unsafe entries.append(String(cString: entry))
            unsafe next += 1
        }
        return entries
    }

    /// Lends strings as a vector that ends with a null pointer.
    private static func withCStrings(
        _ strings: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Int32
    ) -> Int32 {
        let copies = unsafe strings.map { unsafe strdup($0) } + [nil]
        defer { unsafe copies.forEach { unsafe free($0) } }
        return unsafe copies.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return EINVAL }
            return unsafe body(base)
        }
    }
}
