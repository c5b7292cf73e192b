public import ArgumentParser
internal import Foundation
public import RepriseLoad

/// `reprise bench fanout`.
struct BenchFanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fanout",
        abstract: "Broadcast to many clients, and check what every one of them received.",
        discussion: """
            Connects clients to a running server that broadcasts what it receives, sends, and compares what every \
            client receives: every message, once, in one order. Exits with 4 when that does not hold, or when the \
            generator was starved.

            EXAMPLES
              reprise bench fanout
              reprise bench fanout --clients 5000 --window 1 --seconds 20
              reprise bench fanout --rate 2000 --payload 256 --server-pid 4711 --json
              reprise bench fanout --url ws://127.0.0.1:9001/ --envelope none
            """)

    @Option(help: "The server.") var url = "ws://127.0.0.1:8080/dev"
    @Option(help: "aws wraps messages as {\"action\":\"onMessage\",\"data\":…}; none sends them bare.")
    var envelope = FanoutPlan.Envelope.aws
    @Option(name: .shortAndLong, help: "Clients.") var clients = 1000
    @Option(help: "Clients that also send.") var senders = 1
    @Option(help: "Messages that may be unfinished; 1 waits for everyone after each message.") var window = 64
    @Option(help: "Messages a second, sent on time whatever the server does; instead of --window.") var rate: Double?
    @Option(help: "Payload bytes of a delivered message.") var payload = 64
    @Option(help: "Seconds that are measured.") var seconds = 5.0
    @Option(help: "Seconds of load before that.") var warmUp = 1.0
    @Option(help: "Clients that never read.") var stall = 0
    @Option(help: "Clients a second that leave and are replaced.") var churn = 0.0
    @Option(help: "Seed of masks and keys.") var seed: UInt64 = 1
    @Option(help: "Process whose CPU and memory are the server's.") var serverPid: Int32?
    @Flag(help: "Print the report as one JSON object.") var json = false
    @Option(help: ArgumentHelp("Write a page with plots.", valueName: "out.html")) var report: String?

    func run() throws {
        var plan = FanoutPlan(url: url)
        plan.envelope = envelope
        plan.clients = clients
        plan.senders = senders
        plan.pace = rate.map { .rate($0) } ?? .window(window)
        plan.payloadBytes = payload
        plan.seconds = seconds
        plan.warmUpSeconds = warmUp
        plan.stalledClients = stall
        plan.churnPerSecond = churn
        plan.seed = seed
        plan.serverPID = serverPid
        try checkReportPath()
        var report: FanoutReport
        do throws(LoadError) {
            report = try FanoutBenchmark(plan: plan).run(progress: BenchFanout.show)
        } catch {
            throw error.asFailure
        }
        report.commandLine = CommandLine.arguments
        print(json ? String(decoding: try JSONEncoder().encode(report), as: UTF8.self) : report.description)
        try conclude([report])
        if report.verdict != .valid { throw ExitCode(4) }
    }

    private static func show(_ progress: FanoutProgress) {
        guard isatty(STDERR_FILENO) == 1 else { return }
        let line =
            "\r\(progress.phase) \(Int(progress.elapsedSeconds)) s: \(progress.connected) clients, "
            + "\(progress.messagesSent) messages, \(Int(progress.deliveriesPerSecond)) deliveries/s   "
        FileHandle.standardError.write(Data(line.utf8))
    }
}

extension FanoutPlan.Envelope: ExpressibleByArgument {}

extension LoadError {
    fileprivate var asFailure: any Error {
        if case .invalidPlan(let sentence) = self { return ValidationError(sentence) }
        FileHandle.standardError.write(Data("reprise: \(self)\n".utf8))
        return ExitCode(1)
    }
}
