// What an import and a backup share: a log that grows in a folder of its own.

internal import Glibc
internal import LMDB

enum UnfinishedLog {
    /// Removes the files of the log in a folder, which stays.
    static func remove(in folder: String) {
        unsafe unlink("\(folder)/data.mdb")
        unsafe unlink("\(folder)/lock.mdb")
    }

    /// Puts the names in a folder on the disk. Where that cannot be done at all there is nothing to do: in a file system that
    /// cannot sync folders, and in a folder that this user may change and not read.
    ///
    /// - Throws: `storage` where the disk failed: the names may be gone after a power cut.
    static func syncNames(in folder: String) throws(LogError) {
        func failure() -> LogError {
            .storage(LMDBError(LMDBError.Code(rawValue: errno), in: "syncing the folder \(folder)"))
        }
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == EACCES { return }
            throw failure()
        }
        defer { close(descriptor) }
        while fsync(descriptor) != 0 {
            switch errno {
            case EINTR: continue
            case EINVAL, ENOTSUP, EROFS: return
            default: throw failure()
            }
        }
    }
}
