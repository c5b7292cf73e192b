// Where an import grows. A log appears in its folder whole or not at all, also when the import is killed.

internal import Glibc

/// A folder inside the data folder that holds an unfinished log, and goes away with this value.
///
/// The unfinished `data.mdb` is linked into the data folder when it is whole and synced: one step, which refuses to
/// replace a log that was made there meanwhile. A killed import leaves `import-<LogID>` behind, which nothing reads
/// and which may be deleted.
struct ImportFolder: ~Copyable {
    /// The data folder.
    let path: String
    /// The folder of the unfinished log.
    let unfinishedPath: String
    private let madeDataFolder: Bool
    private var isPublished = false

    /// Makes both folders.
    ///
    /// - Throws: `logExists`, `folder`.
    init(path: String, id: LogID) throws(LogError) {
        guard unsafe access("\(path)/data.mdb", F_OK) != 0 else { throw .logExists(path: path) }
        let unfinishedPath = "\(path)/import-\(id)"
        let madeDataFolder = unsafe access(path, F_OK) != 0
        try EventLog.makeFolder(unfinishedPath)
        self.path = path
        self.unfinishedPath = unfinishedPath
        self.madeDataFolder = madeDataFolder
    }

    /// Moves the log to its place. It must be synced already.
    ///
    /// - Throws: `logExists`, `folder`; `storage` where its name cannot be synced. It is in its place then, too, if not even
    ///   taking it back succeeds.
    mutating func publish() throws(LogError) {
        guard unsafe link("\(unfinishedPath)/data.mdb", "\(path)/data.mdb") == 0 else {
            if errno == EEXIST { throw .logExists(path: path) }
            throw .folder(path: "\(path)/data.mdb", reason: unsafe String(cString: strerror(errno)))
        }
        do {
            try UnfinishedLog.syncNames(in: path)
        } catch {
            unsafe unlink("\(path)/data.mdb")
            throw error
        }
        isPublished = true
    }

    deinit {
        UnfinishedLog.remove(in: unfinishedPath)
        unsafe rmdir(unfinishedPath)
        // Only if it is empty: `rmdir` refuses otherwise.
        if madeDataFolder, !isPublished { unsafe rmdir(path) }
    }
}
