internal import FoundationEssentials
internal import Glibc

// What a report says about where its figures come from.

extension FanoutReport.Machine {
    /// The machine that this process runs on.
    static func current() -> FanoutReport.Machine {
        var machine = FanoutReport.Machine()
        let lines = (SystemCall.text(ofFile: "/proc/cpuinfo") ?? "").split(separator: "\n")
        if let line = lines.first(where: { $0.hasPrefix("model name") }), let colon = line.firstIndex(of: ":") {
            machine.cpu = String(line[line.index(after: colon)...].drop { $0 == " " })
        }
        machine.cores = sysconf(Int32(_SC_NPROCESSORS_ONLN))
        let kernel = ["ostype", "osrelease"].compactMap { name in
            SystemCall.text(ofFile: "/proc/sys/kernel/\(name)")?.split(separator: "\n").first
        }
        if !kernel.isEmpty { machine.kernel = kernel.joined(separator: " ") }
        machine.memoryBytes = max(0, sysconf(Int32(_SC_PHYS_PAGES))) * max(0, sysconf(Int32(_SC_PAGESIZE)))
        return machine
    }
}

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
                "/usr/bin/git", ["-C", String(program[..<slash]), "describe", "--always", "--dirty"]),
            let line = try? git.line(nanoseconds: 10_000_000_000)
        else { return nil }
        git.signal(SIGTERM)
        _ = try? git.wait(nanoseconds: 10_000_000_000)
        return line
    }
}
