internal import Glibc

/// A fan-out run and all that belongs to it: the server, the CPUs of both sides, and what the report says about them.
public struct FanoutSetup: Sendable, Equatable {
    /// Where the messages go.
    public enum Server: Sendable, Equatable {
        /// A server of our own, started for this run with these flags of `reprise serve`, and gone afterwards.
        case own(flags: [String])
        /// One that runs already, at the plan's URL.
        case running
    }

    /// What the run does. For a server of our own, its URL and process are filled in.
    public var plan: FanoutPlan
    /// Where the messages go.
    public var server: Server
    /// CPUs for the server, if it is our own; nil for any.
    public var serverCPUs: CPUList?
    /// CPUs for the calling thread; nil for any.
    public var generatorCPUs: CPUList?
    /// The series' name in reports.
    public var label = ""
    /// The durability of a server that runs already; nil if unknown.
    public var durability: String?
    /// What the build calls itself.
    public var version: String

    /// A setup without pinning and label.
    public init(plan: FanoutPlan, server: Server, version: String) {
        self.plan = plan
        self.server = server
        self.version = version
    }

    /// Carries it out on the calling thread, which keeps its CPUs afterwards. SIGINT and SIGTERM end it, if
    /// ``Interruption/watch()`` was called.
    ///
    /// - Parameter progress: called about once a second, on this thread.
    /// - Returns: the figures and the verdict; also when the server ended meanwhile.
    /// - Throws: ``LoadError`` when there is nothing to report. A server of our own is stopped, and its folder deleted,
    ///   in every case.
    public func run(progress: (FanoutProgress) -> Void = { _ in }) throws(LoadError) -> FanoutReport {
        try plan.check()
        let date = FanoutReport.now()
        // Before the pinning, which children would inherit.
        let revision = FanoutReport.revision(version: version)
        var report: FanoutReport
        switch server {
        case .own(let flags):
            let flags = completed(flags)
            // The server inherits the limit.
            _ = SystemCall.raiseDescriptorLimit(toHold: plan.descriptors)
            var process = try ServerProcess(flags: flags, cpus: serverCPUs)
            do throws(LoadError) {
                report = try run(on: &process, progress)
            } catch {
                let end = try process.unexpectedEnd()
                let stopped = try process.stop()
                guard let end = end ?? stopped else { throw error }
                throw .serverFailed("\(error); the server ended \(end)")
            }
            report.serveFlags = flags
            report.serverCPUs = serverCPUs?.description
            report.durability = Self.durability(of: flags)
        case .running:
            try generatorCPUs?.pinThisThread()
            report = try FanoutBenchmark(plan: plan).run(progress: progress)
            report.durability = durability ?? "unknown"
        }
        report.generatorCPUs = generatorCPUs?.description
        report.label = label
        report.date = date
        report.revision = revision
        report.machine = .current()
        return report
    }

    private func run(
        on process: inout ServerProcess, _ progress: (FanoutProgress) -> Void
    ) throws(LoadError) -> FanoutReport {
        try generatorCPUs?.pinThisThread()
        var plan = plan
        plan.url = process.url
        plan.serverPID = process.pid
        var report = try FanoutBenchmark(plan: plan).run(progress: progress)
        if let end = try process.unexpectedEnd() {
            report.fail("The server ended during the run, \(end).")
        } else if let complaint = try process.stop() {
            report.notes.append(complaint)
        }
        return report
    }

    /// The flags with those that a run needs: one loop, and room for its clients.
    private func completed(_ flags: [String]) -> [String] {
        func isGiven(_ flag: String) -> Bool { flags.contains { $0 == flag || $0.hasPrefix(flag + "=") } }
        var added: [String] = []
        if !isGiven("--loops") { added += ["--loops", "1"] }
        // A client that churns may be counted until its Close is answered.
        let connections = plan.clients + Int(plan.churnPerSecond.rounded(.up))
        if connections > Self.serverConnectionsMax, !isGiven("--max-connections") {
            added += ["--max-connections", "\(connections)"]
        }
        return added + flags
    }

    /// What `--max-connections` is where nobody says it.
    private static let serverConnectionsMax = 20_000

    /// What the last `--durability` of these flags says; a configuration file may say anything.
    static func durability(of flags: [String]) -> String {
        var found = flags.contains { $0 == "--config" || $0.hasPrefix("--config=") } ? "unknown" : "always"
        for (index, flag) in flags.enumerated() {
            if flag == "--durability", index + 1 < flags.count { found = flags[index + 1] }
            if flag.hasPrefix("--durability=") { found = String(flag.dropFirst("--durability=".count)) }
        }
        return found
    }
}
