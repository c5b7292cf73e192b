internal import FoundationEssentials
internal import Glibc

/// The bench's own server: `reprise serve` of this same executable, in a process and a folder of its own.
///
/// Owns the folder, which goes away with this value; whoever made it must ``stop()`` the process before. The folder is made
/// in `$TMPDIR`, or in `/var/tmp`, because `/tmp` is often no disk, and durability on no disk costs nothing.
struct ServerProcess: ~Copyable {
    /// Seconds that the server has to start, and to stop.
    static let startSeconds = 60
    static let stopSeconds = 60

    /// Where it listens.
    let url: String
    private var process: ChildProcess
    private let folder: String

    /// What `serve --json` prints when it listens, as far as it matters here.
    private struct Announcement: Decodable {
        var url: String
    }

    /// Starts a server and returns when it listens.
    ///
    /// - Parameters:
    ///   - flags: for `serve`, beside port, data folder and output.
    ///   - cpus: what it is pinned to; nil for wherever this thread may run.
    /// - Throws: ``LoadError/serverDidNotStart(_:)`` with what it wrote to standard error.
    init(flags: [String], cpus: CPUList?) throws(LoadError) {
        let folder = try Self.makeFolder()
        var process: ChildProcess
        do throws(LoadError) {
            // A child inherits the affinity of the thread that starts it.
            let ownCPUs = try CPUList.ofThisThread()
            if let cpus { try cpus.pinThisThread() }
            defer { if cpus != nil { try? ownCPUs.pinThisThread() } }
            process = try ChildProcess(
                "/proc/self/exe", ["serve", "--port", "0", "--json", "--data", folder + "/data"] + flags,
                errorFile: folder + "/errors", isHidden: { $0.hasPrefix("REPRISE_") })
        } catch {
            Self.remove(folder)
            throw error
        }
        do throws(LoadError) {
            guard let line = try process.line(nanoseconds: Self.startSeconds * 1_000_000_000) else {
                throw .serverDidNotStart("")
            }
            guard let announcement = try? JSONDecoder().decode(Announcement.self, from: Data(line.utf8)) else {
                throw .serverDidNotStart("it said: \(line)")
            }
            url = announcement.url
            self.process = process
            self.folder = folder
        } catch {
            process.signal(SIGTERM)
            if try process.wait(nanoseconds: 1_000_000_000) == nil {
                process.signal(SIGKILL)
                _ = try process.wait(nanoseconds: Self.stopSeconds * 1_000_000_000)
            }
            let errors = Self.errors(in: folder)
            Self.remove(folder)
            if case .serverDidNotStart(let reason) = error {
                throw .serverDidNotStart([reason, errors].filter { !$0.isEmpty }.joined(separator: "; "))
            }
            throw error
        }
    }

    deinit {
        Self.remove(folder)
    }

    /// Its process.
    var pid: Int32 { process.pid }

    /// If it has ended by itself: how, and what it wrote to standard error.
    mutating func unexpectedEnd() throws(LoadError) -> String? {
        guard try process.hasEnded(), let status = try process.wait(nanoseconds: 1_000_000_000) else { return nil }
        let way = status < 0 ? "by signal \(-status)" : "with exit code \(status)"
        let errors = Self.errors(in: folder)
        return way + (errors.isEmpty ? "" : ": \(errors)")
    }

    /// Stops it and waits for its end.
    ///
    /// - Returns: what was wrong with the end; nil if nothing was.
    mutating func stop() throws(LoadError) -> String? {
        process.signal(SIGTERM)
        guard let status = try process.wait(nanoseconds: Self.stopSeconds * 1_000_000_000) else {
            process.signal(SIGKILL)
            _ = try process.wait(nanoseconds: Self.stopSeconds * 1_000_000_000)
            return "The server did not stop within \(Self.stopSeconds) s of SIGTERM and was killed."
        }
        return status == 0 ? nil : "The server ended with \(status) after SIGTERM: \(Self.errors(in: folder))"
    }

    private static func makeFolder() throws(LoadError) -> String {
        let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? "/var/tmp"
        var template = Array("\(parent)/reprise-bench-\(String(repeating: "X", count: 6))".utf8CString)
        guard unsafe mkdtemp(&template) != nil else {
            throw .system(operation: "making a folder in \(parent) (set TMPDIR)", code: errno)
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func remove(_ folder: String) {
        try? FileManager.default.removeItem(atPath: folder)
    }

    private static func errors(in folder: String) -> String {
        (SystemCall.text(ofFile: folder + "/errors") ?? "").split(separator: "\n").joined(separator: " | ")
    }
}
