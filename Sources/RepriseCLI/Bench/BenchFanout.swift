public import ArgumentParser
internal import Foundation
internal import Reprise
public import RepriseLoad

/// `reprise bench fanout`.
struct BenchFanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract: "Broadcast to many clients, and check what every one of them received.",
        discussion: """
            Starts a server of its own in a temporary folder (or takes --url), connects clients, sends, and compares \
            what every client receives: every message, once, in one order. Says VALID, or INVALID with the rule that \
            failed; then the exit code is 4. What follows -- goes to `reprise serve`.

            EXAMPLES
              reprise bench fanout
              reprise bench fanout --clients 100,1000,9000 --window 1 --report scaling.html
              reprise bench fanout --server-cpus 0 --generator-cpus 1 -- --durability interval --loops 2
              reprise bench fanout --rate 2000 --payload 256 --error-share 0.1 --churn 500
              reprise bench fanout --url ws://127.0.0.1:9001/ --envelope none --server-pid 4711
              reprise bench fanout -- --tls-certificate server.pem --tls-key server.key

            A wss:// URL is TLS; nobody's certificate is checked.
            """)

    @Option(help: "A server that runs already. (default: one of its own)") var url: String?
    @Option(help: "aws wraps messages as {\"action\":\"onMessage\",\"data\":…}; none sends them bare.")
    var envelope = FanoutPlan.Envelope.aws
    @Option(name: .shortAndLong, help: "Clients; a list makes a run for each.") var clients = CommaSeparated([1000])
    @Option(help: "Clients that also send.") var senders = 1
    @Option(help: "Messages that may be unfinished; 1 waits for everyone after each message.") var window = 64
    @Option(help: "Messages a second, sent on time whatever the server does; instead of --window.") var rate: Double?
    @Option(help: "Payload bytes of a delivered message.") var payload = 64
    @Option(help: "Seconds that are measured.") var seconds = 5.0
    @Option(help: "Seconds of load before that.") var warmUp = 1.0
    @Option(help: "Clients that never read.") var stall = 0
    @Option(help: "Clients a second that leave and are replaced.") var churn = 0.0
    @Option(help: "Share of the messages that the server has to refuse with an error frame.") var errorShare = 0.0
    @Option(help: "Connections being opened at one time.") var connectsInFlight = 256
    @Option(help: "Seed of masks, keys, and of which messages are to be refused.") var seed: UInt64 = 1
    @Option(help: "CPUs for the own server, such as 0 or 0,2-3.") var serverCpus: CPUList?
    @Option(help: "CPUs for the generator.") var generatorCpus: CPUList?
    @Option(help: "With --url: the process whose CPU and memory are the server's.") var serverPid: Int32?
    @Option(help: "With --url: the server's durability, for the report.") var serverDurability: String?
    @Option(help: "The series' name in reports.") var label = ""
    @Flag(help: "Print each run's report as one JSON object on a line.") var json = false
    @Option(help: ArgumentHelp("Write a page with plots.", valueName: "out.html")) var report: String?
    @Argument(parsing: .postTerminator, help: "Flags for the own server.") var serveFlags: [String] = []

    func validate() throws {
        if url == nil {
            if serverPid != nil { throw ValidationError("--server-pid needs --url: an own server's is known.") }
            if serverDurability != nil {
                throw ValidationError("--server-durability needs --url; an own server's is set with -- --durability.")
            }
        } else {
            if !serveFlags.isEmpty { throw ValidationError("flags after -- are for an own server, not for --url.") }
            if serverCpus != nil { throw ValidationError("--server-cpus is for an own server, not for --url.") }
        }
    }

    func run() throws {
        try checkReportPath()
        Interruption.watch()
        var line = ProgressLine()
        var reports: [FanoutReport] = []
        for count in clients.elements {
            var report: FanoutReport
            do throws(LoadError) {
                report = try setup(clients: count).run { line.show($0.text) }
            } catch {
                line.clear()
                // The runs before this one have their page all the same.
                if !reports.isEmpty { try conclude(reports) }
                if case .invalidPlan(let sentence) = error { throw ValidationError(sentence) }
                throw CommandEnd(status: .couldNotRun, message: "\(error)")
            }
            line.clear()
            report.commandLine = CommandLine.arguments
            printLine(json ? try report.json : report.description)
            reports.append(report)
        }
        try conclude(reports)
        if reports.contains(where: { $0.verdict != .valid }) { throw CommandEnd(status: .notValid, message: nil) }
    }

    private func setup(clients: Int) -> FanoutSetup {
        var plan = FanoutPlan(url: url ?? "")
        plan.envelope = envelope
        plan.clients = clients
        plan.senders = senders
        plan.pace = rate.map { .rate($0) } ?? .window(window)
        plan.payloadBytes = payload
        plan.seconds = seconds
        plan.warmUpSeconds = warmUp
        plan.stalledClients = stall
        plan.churnPerSecond = churn
        plan.errorShare = errorShare
        plan.connectsInFlightMax = connectsInFlight
        plan.seed = seed
        plan.serverPID = serverPid
        var setup = FanoutSetup(
            plan: plan, server: url == nil ? .own(flags: serveFlags) : .running, version: BuildInfo.version)
        setup.serverCPUs = serverCpus
        setup.generatorCPUs = generatorCpus
        setup.label = label
        setup.durability = serverDurability
        return setup
    }
}

extension FanoutPlan.Envelope: ExpressibleByArgument {}

extension CPUList: ExpressibleByArgument {
    /// Reads the list after an option; nil if it is none.
    public init?(argument: String) {
        self.init(argument)
    }
}

extension FanoutReport {
    /// One line for machines.
    var json: String {
        get throws {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            return String(decoding: try encoder.encode(self), as: UTF8.self)
        }
    }
}

extension FanoutProgress {
    /// For a progress line.
    fileprivate var text: String {
        "\(phase.rawValue) \(Int(elapsedSeconds)) s: \(connected) clients, \(messagesSent) messages, "
            + "\(Int(deliveriesPerSecond)) deliveries/s" + (failedRules > 0 ? ", INVALID" : "")
    }
}
