// How far a log is known to be on the disk, in a file beside it. Without a sync of every commit a power cut can leave pages
// of different moments. What these make up can be an older state of the whole log, in itself without a fault: only
// something outside of it can tell.

internal import Glibc
internal import LMDB
internal import NIOCore

/// The file `DATA/synced`, there while a server runs that does not sync every commit, and after one that never syncs.
public struct SyncedMark: Equatable, Sendable {
    /// The identity of the log.
    public let log: LogID
    /// Everything up to here was synced before the mark was stored.
    public let position: Position
    /// The boot of the machine that the server runs in.
    public let bootID: String

    /// Makes a mark; it is not stored.
    public init(log: LogID, position: Position, bootID: String) {
        self.log = log
        self.position = position
        self.bootID = bootID
    }

    /// Puts the mark into the folder at `path` and waits for the disk.
    ///
    /// - Throws: `storage` where the disk does not take it: an older mark then stays, or none that reads.
    public func store(in path: String) throws(LogError) {
        let file = SyncedMark.file(path)
        func check(_ succeeds: Bool) throws(LogError) {
            if !succeeds { throw .storage(LMDBError(LMDBError.Code(rawValue: errno), in: "writing \(file)")) }
        }
        let isNew = !SyncedMark.exists(in: path)
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        try check(descriptor >= 0)
        defer { close(descriptor) }
        let bytes = DerivedValue.seal(encoded(), key: 0)
        try check(
            unsafe bytes.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) } == bytes.count)
        try check(ftruncate(descriptor, off_t(bytes.count)) == 0)
        try check(fdatasync(descriptor) == 0)
        guard isNew else { return }
        do {
            try UnfinishedLog.syncNames(in: path)
        } catch {
            SyncedMark.remove(from: path)  // so that the next one is new again
            throw error
        }
    }

    /// Whether the folder has a mark, one that reads or not.
    public static func exists(in path: String) -> Bool { unsafe access(file(path), F_OK) == 0 }

    /// Reads the mark of the folder at `path`; none where it does not read.
    public init?(in path: String) {
        guard let bytes = SyncedMark.bytes(of: SyncedMark.file(path)),
            let mark = try? DerivedValue.open(
                bytes, table: "synced", key: 0, { fields throws(RecordDamage) in try SyncedMark(decoding: &fields) })
        else { return nil }
        self = mark
    }

    /// Takes the mark away: the log has ended cleanly, or every commit is synced from now on.
    public static func remove(from path: String) { unsafe unlink(file(path)) }

    /// Whether the log in the folder at `path` must be verified before anything is written to it: the machine stopped under
    /// a server that did not sync every commit. On a machine without boot ids every end that was not clean may be that.
    ///
    /// - Throws: `damaged` where there is a mark and no log; what opening the log throws.
    public static func mustVerify(_ path: String, currentBootID: String) throws(LogError) -> Bool {
        let isMarked = exists(in: path)
        let isSameBoot = !currentBootID.isEmpty && SyncedMark(in: path)?.bootID == currentBootID
        if isMarked, isSameBoot { return false }
        guard unsafe access("\(path)/data.mdb", F_OK) == 0 else {
            guard isMarked else { return false }
            throw .damaged(
                position: Position(1),
                reason: "\(path)/data.mdb is gone, and \(file(path)) says that there was a log "
                    + "(to begin a new one, remove \(file(path)))")
        }
        if isMarked { return true }
        let log = try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
        return try log.runState()?.needsVerification(currentBootID: currentBootID) == true
    }

    /// Compares the log in the folder at `path` with the mark. A mark of another log says nothing about it.
    ///
    /// - Throws: `damaged` where the log ends before what was synced.
    public func check(_ log: EventLog) throws(LogError) {
        guard self.log == log.id else { return }
        let tail = try log.tail().position
        guard tail < position else { return }
        throw .damaged(
            position: tail.next,
            reason: "the log was on the disk up to position \(position), and ends at \(tail) now "
                + "(if an older copy was put here on purpose, remove \(SyncedMark.file(log.path)))")
    }

    private static func bytes(of file: String) -> [UInt8]? {
        let descriptor = unsafe open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 1024)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
        return count > 0 ? Array(bytes.prefix(count)) : nil
    }

    private static func file(_ path: String) -> String { "\(path)/synced" }
}

extension SyncedMark {
    /// Shape: `log u64 · position u64 · boot id text`.
    private func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(log.rawValue, endianness: .little)
        buffer.writeInteger(position.rawValue, endianness: .little)
        buffer.writeText(bootID)
        return buffer
    }

    private init(decoding fields: inout RecordFields) throws(RecordDamage) {
        log = LogID(rawValue: try fields.integer("log"))
        position = Position(try fields.integer("position", as: UInt64.self))
        bootID = try fields.text("boot id")
    }
}
