internal import Glibc
internal import Reprise

/// The exclusive lock on a data folder: one server, or `log trim`, at a time. The kernel drops it when the process ends, however it
/// ends.
package final class DataFolderLock: Sendable {
    private let descriptor: CInt

    /// Makes the folder where it does not exist and takes the lock.
    ///
    /// - Throws: `folderInUse` with the holder's process id; `folderUnusable`.
    package init(_ folder: String) throws(ServerError) {
        do throws(LogError) {
            try EventLog.makeFolder(folder)
        } catch {
            throw .log(error)
        }
        let path = "\(folder)/serve.lock"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw .folderUnusable(path: folder, reason: Host.text(ofError: errno))
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            // `deinit` closes, also when `init` throws from here on; closing twice could hit a stranger's descriptor.
            let holder = DataFolderLock.read(descriptor)
            throw .folderInUse(path: folder, holder: holder.isEmpty ? "unknown process" : holder)
        }
        let note = Array("process \(getpid())".utf8)
        ftruncate(descriptor, 0)
        _ = unsafe note.withUnsafeBytes { unsafe pwrite(descriptor, $0.baseAddress, $0.count, 0) }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    private static func read(_ descriptor: CInt) -> String {
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe pread(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}
