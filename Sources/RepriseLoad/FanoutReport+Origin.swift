internal import FoundationEssentials
internal import Glibc

// What a report says about where its figures come from.

extension FanoutReport {
    /// Now, for ``date``.
    static func now() -> String {
        Date().formatted(.iso8601)
    }

    /// The repository's state that this executable was built in, as far as `git` knows it, and the version.
    ///
    /// - Parameter version: what the build calls itself.
    static func revision(version: String) -> String {
        "\(gitDescription() ?? "unknown") (\(version))"
    }

    /// The executable lies in its repository's build folder; elsewhere, nothing is known.
    private static func gitDescription() -> String? {
        guard let program = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
            let slash = program.lastIndex(of: "/"),
            var git = try? ChildProcess(
                "/usr/bin/git", ["-C", String(program[..<slash]), "describe", "--always", "--dirty"])
        else { return nil }
        let line = try? git.line(nanoseconds: 10_000_000_000)
        git.signal(SIGTERM)
        _ = try? git.wait(nanoseconds: 10_000_000_000)
        return line
    }
}
