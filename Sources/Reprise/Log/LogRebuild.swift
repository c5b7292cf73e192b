// After a power cut without a sync of every commit, pages may be from different moments. Events and what is derived from
// them can be verified; LMDB's list of free pages cannot, and a wrong one overwrites what is in use, later. So a folder that
// verified is written anew.

internal import Glibc

/// Writes a log anew, event by event, in its own folder: same identity, same hashes, same digests, fresh pages.
public enum LogRebuild {
    /// Puts a fresh copy in the place of the log in the folder at `path`. It needs as much room again as the events have.
    /// A crash in between leaves the old file, and a copy that the next call removes.
    ///
    /// - Precondition: nothing has the log open, in this process or another; the folder's `serve.lock` sees to it.
    /// - Throws: `damaged` where the log is not what was written; `storage` and `folder` as `LogBackup.copy`.
    public static func rebuild(_ path: String, mapBytes: Int, newID: @autoclosure () -> LogID) throws(LogError) {
        let fresh = "\(path)/rebuilt"
        for left in [fresh, "\(fresh).partial"] {
            UnfinishedLog.remove(in: left)
            unsafe rmdir(left)
        }
        try copy(path, to: fresh, mapBytes: mapBytes, newID: newID())
        guard unsafe rename("\(fresh)/data.mdb", "\(path)/data.mdb") == 0 else {
            throw .folder(path: fresh, reason: unsafe String(cString: strerror(errno)))
        }
        unsafe unlink("\(path)/lock.mdb")  // it tells of readers of the old file
        try UnfinishedLog.syncNames(in: path)
        UnfinishedLog.remove(in: fresh)
        unsafe rmdir(fresh)
    }

    /// The old log is closed again when this returns.
    private static func copy(
        _ path: String, to fresh: String, mapBytes: Int, newID: @autoclosure () -> LogID
    ) throws(LogError) {
        let log = try EventLog(path: path, access: .read, newID: newID())
        _ = try LogBackup.copy(log, to: fresh, mapBytes: mapBytes, attemptsMax: 1)
    }
}
