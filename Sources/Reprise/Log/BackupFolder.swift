// Where a backup grows: beside its final name, which it gets in one step when it is whole.

internal import Glibc

/// The folder `PATH.partial`, which goes away with this value unless it was published.
struct BackupFolder: ~Copyable {
    /// The folder that the backup becomes.
    let path: String
    /// The folder of the unfinished copy.
    let unfinishedPath: String
    private var isPublished = false

    /// Makes the unfinished folder.
    ///
    /// - Throws: `folder` where either exists already, or cannot be made.
    init(path: String) throws(LogError) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        guard unsafe access(path, F_OK) != 0 else {
            throw .folder(path: path, reason: "it exists already; name one that does not exist yet")
        }
        if let slash = path.lastIndex(of: "/"), slash > path.startIndex {
            try EventLog.makeFolder(String(path[..<slash]))
        }
        let unfinishedPath = "\(path).partial"
        guard unsafe mkdir(unfinishedPath, 0o700) == 0 else {
            throw .folder(
                path: unfinishedPath,
                reason: errno == EEXIST
                    ? "it exists: another backup is writing it, or one was killed; then remove it"
                    : unsafe String(cString: strerror(errno)))
        }
        self.path = path
        self.unfinishedPath = unfinishedPath
    }

    /// Removes what was copied so far.
    func empty() { UnfinishedLog.remove(in: unfinishedPath) }

    /// Gives the folder its name. The copy must be synced already.
    ///
    /// - Throws: `folder` where something has that name by now, `storage` where its name cannot be synced.
    mutating func publish() throws(LogError) {
        guard unsafe rename(unfinishedPath, path) == 0 else {
            throw .folder(path: path, reason: unsafe String(cString: strerror(errno)))
        }
        do {
            try UnfinishedLog.syncNames(in: "\(path)/..")
        } catch {
            isPublished = unsafe rename(path, unfinishedPath) != 0
            throw error
        }
        isPublished = true
    }

    deinit {
        if !isPublished {
            empty()
            unsafe rmdir(unfinishedPath)
        }
    }
}
