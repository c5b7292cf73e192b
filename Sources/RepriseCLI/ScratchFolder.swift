internal import Foundation

/// Folders that a command fills and leaves nothing of. Recordings may be copied into them: they are their owner's alone.
enum ScratchFolder {
    /// Makes a folder in `parent`, lends its path, and removes it with all that is in it.
    ///
    /// - Throws: what `body` throws; `CommandEnd` when the folder cannot be made.
    static func use<Result>(in parent: String, _ body: (String) throws -> Result) throws -> Result {
        let path = try make(in: parent)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    /// Makes a folder in `parent`, which the caller removes.
    ///
    /// - Throws: `CommandEnd` when it cannot be made.
    static func make(in parent: String) throws(CommandEnd) -> String {
        let path = "\(parent)/reprise-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o700])
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "cannot make a folder in \(parent)")
        }
        return path
    }
}
