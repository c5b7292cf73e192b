internal import Foundation

/// Folders that a benchmark fills and leaves nothing of.
enum ScratchFolder {
    /// Makes a folder in `parent`, lends its path, and removes it with all that is in it.
    ///
    /// - Throws: what `body` throws; `CommandEnd` when the folder cannot be made.
    static func use<Result>(in parent: String, _ body: (String) throws -> Result) throws -> Result {
        let path = "\(parent)/reprise-bench-\(UUID().uuidString)"
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        } catch {
            throw CommandEnd(status: .couldNotRun, message: "cannot make a folder in \(parent)")
        }
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }
}
