// One LMDB environment: a folder with `data.mdb` and `lock.mdb`, opened once per process.

internal import CLMDB
internal import Glibc
internal import Synchronization

/// What is called when an assertion of LMDB fails.
private let assertionHandler = Mutex<(@Sendable () -> Void)?>(nil)

/// A memory-mapped LMDB environment.
///
/// Thread safety: `lmdb.h` allows an environment to be used from any thread. Write transactions are serialised by
/// LMDB and belong to the thread that began them; read transactions may move (`MDB_NOTLS`).
@safe public final class Environment: Sendable {
    /// When a commit reaches the disk.
    public enum Synchronization: Sendable {
        /// Every commit returns after `fdatasync` (LMDB's default).
        case everyCommit
        /// Commits return from the page cache (`MDB_NOSYNC`); `sync()` decides when they reach the disk.
        case onRequest
    }

    /// How to open an environment.
    public struct Options: Sendable {
        /// Bytes of address space and file to reserve; the file stays sparse until it is written. `nil` takes the
        /// size that the file already has.
        public var mapBytes: Int?
        /// The most named tables that may be open.
        public var tablesMax: Int
        /// The most read transactions at once, over all processes.
        public var readersMax: Int
        /// Opens with `MDB_RDONLY`: `beginWrite` then fails with `EACCES`.
        public var readOnly: Bool
        /// When commits reach the disk.
        public var synchronization: Synchronization

        /// Options with their defaults.
        public init(
            mapBytes: Int? = nil, tablesMax: Int = 16, readersMax: Int = 126, readOnly: Bool = false,
            synchronization: Synchronization = .everyCommit
        ) {
            self.mapBytes = mapBytes
            self.tablesMax = tablesMax
            self.readersMax = readersMax
            self.readOnly = readOnly
            self.synchronization = synchronization
        }
    }

    /// What `mdb_env_info` and `mdb_env_stat` say.
    public struct Info: Sendable {
        /// The reserved size, bytes.
        public var mapBytes: Int
        /// Bytes per page.
        public var pageBytes: Int
        /// Bytes of the file that pages occupy so far: the high-water mark, free pages included.
        public var usedBytes: Int
        /// Reader slots in use.
        public var readers: Int
    }

    /// Set once in `init`; `lmdb.h` makes the handle safe to share between threads.
    nonisolated(unsafe) let handle: OpaquePointer

    /// Bytes per page: the operating system's page size when the file was made.
    public let pageBytes: Int

    /// Opens, and unless `readOnly` creates, the environment in the folder at `path`. What it creates is its owner's alone, and
    /// no program that this process starts inherits a descriptor of it.
    ///
    /// - Throws: `noSuchFile` when the folder does not exist; `accessDenied`; `invalid` or `versionMismatch` when
    ///   `data.mdb` is something else; `outOfMemory` when the map cannot be reserved.
    public init(path: String, options: Options = Options()) throws(LMDBError) {
        var created: OpaquePointer?
        try unsafe check(mdb_env_create(&created), "mdb_env_create")
        guard let handle = unsafe created else { throw LMDBError(.outOfMemory, in: "mdb_env_create") }
        do throws(LMDBError) {
            try unsafe check(
                mdb_env_set_assert(handle) { _, _ in assertionHandler.withLock { $0 }?() }, "mdb_env_set_assert")
            if let mapBytes = options.mapBytes {
                try unsafe check(mdb_env_set_mapsize(handle, mapBytes), "mdb_env_set_mapsize")
            }
            try unsafe check(mdb_env_set_maxdbs(handle, UInt32(options.tablesMax)), "mdb_env_set_maxdbs")
            try unsafe check(mdb_env_set_maxreaders(handle, UInt32(options.readersMax)), "mdb_env_set_maxreaders")
            var flags = UInt32(MDB_NOTLS)
            if options.readOnly { flags |= UInt32(MDB_RDONLY) }
            if options.synchronization == .onRequest { flags |= UInt32(MDB_NOSYNC) }
            try unsafe check(mdb_env_open(handle, path, flags, 0o600), "mdb_env_open \(path)")
            // LMDB opens all others itself with O_CLOEXEC.
            var descriptor: CInt = -1
            try unsafe check(mdb_env_get_fd(handle, &descriptor), "mdb_env_get_fd")
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            var stat = MDB_stat()
            try unsafe check(mdb_env_stat(handle, &stat), "mdb_env_stat")
            pageBytes = Int(stat.ms_psize)
        } catch {
            unsafe mdb_env_close(handle)
            throw error
        }
        unsafe self.handle = unsafe handle
    }

    deinit { unsafe mdb_env_close(handle) }

    /// The state of the map and the reader table.
    public var info: Info {
        var info = unsafe MDB_envinfo()
        _ = unsafe mdb_env_info(handle, &info)
        return Info(
            mapBytes: unsafe info.me_mapsize, pageBytes: pageBytes,
            usedBytes: unsafe (info.me_last_pgno + 1) * pageBytes, readers: Int(unsafe info.me_numreaders))
    }

    /// Flushes the file to the disk (`mdb_env_sync`, forced).
    ///
    /// - Throws: `inputOutput` when the disk failed. A failed sync must never be retried as if nothing happened:
    ///   the kernel may have dropped the dirty pages.
    public func sync() throws(LMDBError) {
        try unsafe check(mdb_env_sync(handle, 1), "mdb_env_sync")
    }

    /// Frees the reader slots of processes that died (`mdb_reader_check`).
    ///
    /// - Returns: how many slots were freed.
    @discardableResult
    public func clearStaleReaders() throws(LMDBError) -> Int {
        var dead: Int32 = 0
        try unsafe check(mdb_reader_check(handle, &dead), "mdb_reader_check")
        return Int(dead)
    }

    /// Whether the file system has no room for even a few pages more.
    var isDiskFull: Bool {
        var descriptor: CInt = -1
        var room = statvfs()
        guard unsafe mdb_env_get_fd(handle, &descriptor) == MDB_SUCCESS,
            unsafe fstatvfs(descriptor, &room) == 0
        else { return false }
        return UInt64(room.f_bavail) * UInt64(room.f_frsize) < 1 << 16
    }

    /// Says what to do when one of LMDB's own assertions fails, in any environment of this process: a page is not what LMDB
    /// takes it for. If the handler returns, or there is none, LMDB prints the assertion and calls `abort`.
    public static func onFailedAssertion(_ handler: (@Sendable () -> Void)?) {
        assertionHandler.withLock { $0 = handler }
    }

    /// Copies a consistent image of the environment into the empty folder at `path` (`mdb_env_copy`).
    public func copy(to path: String) throws(LMDBError) {
        try unsafe check(mdb_env_copy(handle, path), "mdb_env_copy \(path)")
    }
}
