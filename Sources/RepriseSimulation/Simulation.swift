// One run: a server on simulated loops, sockets and a simulated disk, clients, and what chance does to all of them. After every
// task of the server, what must hold is checked.

internal import CSimulatedKernel
internal import LMDB
internal import Logging
internal import NIOCore
internal import Reprise
internal import RepriseServer
internal import RepriseTesting

/// A run that belongs to one seed. `@unchecked Sendable`: it is one thread.
final class Simulation: @unchecked Sendable {
    let swarm: Swarm
    private let trace: Bool
    var random: SeededGenerator
    let time = SimulatedTime()
    var oracle = Oracle()
    var outcome: Outcome

    /// Those of the server that runs now.
    var clients: [SimulatedClient] = []
    /// Of servers that are gone: their connections are closed by the next one.
    var past: [SimulatedClient] = []
    var server: RunningServer?
    var loops: [SimulatedLoop] = []
    var descriptors = SimulatedDescriptors(first: CInt(simulated_socket_first))
    /// Whether sends and reads may be cut short.
    var kernelHasMoods = true
    /// What was found where nothing can be thrown.
    var violation: Violation?
    /// What the server has said when its log failed.
    var failure: ServerError?
    /// The log cannot be read: the disk broke within a commit, and LMDB waits for a restart.
    var isUnreadable = false
    /// What the server said since then; judged when a restart has read the log.
    var unjudged: [(client: SimulatedClient, said: ServerStream.Said)] = []
    /// Connections that a DELETE named.
    var deleted: Set<String> = []
    /// Whether a graceful stop was asked for.
    var isStopping = false
    let folder = TemporaryFolder()
    var serverCount = 0
    var boot = 1
    /// When each event of the log was first seen.
    var seenAt: [NIODeadline] = []
    /// The last moment at which no sync was due, or had failed.
    var syncedAt = NIODeadline.uptimeNanoseconds(0)
    /// Whether nothing that was in the log at the last crash may be missing at the next start.
    var mustKeepAll = true
    /// What the wall clock is off by, nanoseconds.
    var wallClockOffset: Int64 = 0
    /// How a graceful stop has ended.
    var endResult: Result<Void, any Error>?
    /// Positions up to which everybody was judged.
    var judged = Position.zero
    let logger = Logger(label: "simulation") { _ in SwiftLogNoOpLogHandler() }

    /// The one that answers for the simulated sockets.
    nonisolated(unsafe) static weak var current: Simulation?
    #if DEBUG
        nonisolated(unsafe) static var graveyard: [Any] = []
    #endif

    /// - Parameter trace: whether every step is printed.
    init(seed: UInt64, trace: Bool = false) {
        self.trace = trace
        random = SeededGenerator(seed: seed)
        swarm = Swarm(using: &random)
        outcome = Outcome(hash: seed)
    }

    /// Runs it from the first start to the last end.
    ///
    /// - Throws: `Violation`, or an error that nothing here has caused.
    func run() throws -> Outcome {
        unsafe Simulation.current = self
        SimulatedKernel.attach()
        defer {
            letGo()
            folder.remove()
        }
        try start()
        tell("\(swarm)")
        for step in 0..<swarm.stepCount {
            let happening = swarm.happening(using: &random)
            tell("\(step)  \(happening)")
            try perform(happening)
            try turn(Int.random(in: 0...12, using: &random))
        }
        try settle()
        try beQuiet()
        try stop()
        outcome.events = oracle.events.count
        return outcome
    }

    func note(_ number: UInt64) { outcome.hash = XXH64.hash((outcome.hash, number)) }

    func tell(_ line: @autoclosure () -> String) {
        if trace { print(line()) }
    }

    func path(_ number: Int) -> String { "\(folder.path)/\(number)" }

    // MARK: Turning

    /// Runs tasks of the server, in an order that chance decides between its loops.
    func turn(_ count: Int) throws {
        for _ in 0..<count {
            guard runOne() else { break }
            try check()
        }
        try check()
    }

    func runOne() -> Bool {
        let runnable = loops.indices.filter { loops[$0].isRunnable }
        guard let index = runnable.randomElement(using: &random) else { return false }
        outcome.tasks += 1
        loops[index].runOne()
        return true
    }

    /// What must hold whenever no task runs.
    func check() throws {
        if let violation { throw violation }
        try checkIdle()
        guard let server else { return }
        if SimulatedDisk.hasCrashed { return try crash(powerCut) }
        if let failure {
            guard mayFail else { throw Violation("the server fails, and the disk has not: \(failure)") }
            return try crash(.process)
        }
        guard try follow(server.log) else { return }
        if SimulatedDisk.loss == nil, !loops[swarm.loopCount].isRunnable { syncedAt = time.now }
        try judge()
        guard server.projected.sorted() == oracle.live.sorted() else {
            throw Violation(
                "the projection has \(server.projected.count) connections, and the log \(oracle.live.count)")
        }
        // Each may have a pong and a refusal on top until the next batch: under 512 bytes each, with the entry.
        guard server.ringBytes <= swarm.configuration.ringBytesMax + 1024 * swarm.configuration.connectionsMax else {
            throw Violation("a ring of \(server.ringBytes) bytes")
        }
    }

    /// Whether the disk has lost something that the server cannot write again: with a failed sync, of whatever reason, what was
    /// committed without one before.
    private var mayFail: Bool {
        SimulatedDisk.loss == .broken || SimulatedDisk.loss == .full && swarm.configuration.durability != .always
    }

    /// Takes what is new in the log.
    ///
    /// - Returns: whether it can be read.
    func follow(_ log: EventLog) throws -> Bool {
        let end = oracle.end
        do {
            try oracle.follow(log)
            for event in oracle.events.dropFirst(Int(end.rawValue)) {
                tell("    \(event)")
                seenAt.append(time.now)
            }
            return true
        } catch LogError.storage(let error) where error.code == .panic {
            isUnreadable = true
            return false
        }
    }

    /// Judges whom the log has closed since the last time.
    func judge() throws(Violation) {
        for event in oracle.events.dropFirst(Int(judged.rawValue)) {
            guard case .disconnected(let end) = event.fact, let life = oracle.lives[end.connection] else { continue }
            if let client = (clients + past).last(where: { $0.id == end.connection }) {
                guard client.hasSent(life.said) else {
                    throw Violation("the log has other messages of \(client.name) than it sent, or in another order")
                }
                try client.judge(life)
                try judge(end, of: client)
            }
            past.removeAll { $0.id == end.connection }
            note(end.bytesSent)
        }
        judged = oracle.end
    }
}
