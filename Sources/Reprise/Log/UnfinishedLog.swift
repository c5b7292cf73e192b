// What an import and a backup share: a log that grows in a folder of its own.

internal import Glibc

enum UnfinishedLog {
    /// Removes the files of the log in a folder, which stays.
    static func remove(in folder: String) {
        unsafe unlink("\(folder)/data.mdb")
        unsafe unlink("\(folder)/lock.mdb")
    }

    /// Puts a new name in a folder on the disk. Where folders cannot be synced there is nothing to do.
    static func syncNames(in folder: String) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0 {
            fsync(descriptor)
            close(descriptor)
        }
    }
}
