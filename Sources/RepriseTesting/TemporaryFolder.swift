internal import Glibc

/// A folder that no other test has, and that goes away with this value.
public final class TemporaryFolder: Sendable {
    /// The folder's path.
    public let path: String

    /// Makes a folder under `$TMPDIR`, or `/tmp`.
    public init() {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/reprise-test-\(String(repeating: "X", count: 6))".utf8CString)
        let made = unsafe mkdtemp(&template) != nil
        precondition(made, "cannot make a folder in \(parent): errno \(errno)")
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove() }

    /// Removes it and what is in it; a second time does nothing.
    public func remove() { TemporaryFolder.remove(path) }

    /// The names in a folder, sorted; empty where there is no folder.
    public static func names(in path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    private static func remove(_ path: String) {
        for name in names(in: path) { remove("\(path)/\(name)") }
        _ = unsafe Glibc.remove(path)
    }
}
