// How servers begin, end suddenly, and begin again on what is left; and what a start must find.

internal import CSimulatedKernel
internal import Glibc
internal import NIOCore
internal import Reprise
internal import RepriseServer
internal import RepriseTesting

extension Simulation {
    /// Starts a server on what is there, again where the machine stops or the disk fails meanwhile.
    func start() throws {
        while true {
            serverCount += 1
            SimulatedDisk.begin(path(serverCount))
            if Int.random(in: 0..<8, using: &random) == 0 {
                SimulatedDisk.crash(after: Int.random(in: 0..<30, using: &random))
            }
            (failure, isUnreadable) = (nil, false)
            let synced = SyncedMark(in: path(serverCount))?.position ?? .zero
            loops = (0..<swarm.loopCount + 2).map { _ in SimulatedLoop(time) }
            var configuration = swarm.configuration
            configuration.dataPath = path(serverCount)
            let seed = random.next()
            let ids = SharedGenerator(seed: seed)
            let machine = Machine(
                clock: { [weak self] in self?.wallClock ?? Timestamp(rawValue: 0) }, random: { ids.next() },
                bootID: "boot \(boot)", name: "simulated", batchesSends: false, socketOwner: { _, _ in .trusted })
            do {
                let starting = try RunningServer.start(
                    configuration, machine: machine,
                    loops: .init(
                        sockets: Array(loops.dropLast(2)), disk: loops[swarm.loopCount],
                        reader: loops[swarm.loopCount + 1]),
                    logger: logger, onFailure: { [weak self] in self?.failure = $0 })
                starting.whenSuccess { [weak self] in self?.server = $0 }
                while server == nil, runOne() {}
            } catch {
                // Nor may a folder be refused as unverified: cuts leave all or nothing of what was not synced (`powerCut`), which
                // is a whole log. Pages of different moments are left to tools/power-cut.
                guard SimulatedDisk.hasCrashed else { throw Violation("no start: \(error)") }
            }
            if SimulatedDisk.hasCrashed {
                outcome.crashesInRecovery += 1
                try moveOn(after: powerCut)
                continue
            }
            guard server != nil else { throw Violation("a start that does not come to an end") }
            return try compare(synced)
        }
    }

    /// The wall clock, which jumps.
    private var wallClock: Timestamp {
        Timestamp(rawValue: 1_700_000_000_000_000_000 + Int64(time.now.uptimeNanoseconds) + wallClockOffset)
    }

    /// Holds the log that a start has found against what was in it before.
    private func compare(_ synced: Position) throws {
        guard let log = server?.log else { return }
        let found = try log.events()
        let known = oracle.events
        let first = Int(found.first?.position.rawValue ?? 1) - 1
        var kept = min(first, known.count)
        while kept < known.count, kept - first < found.count, known[kept] == found[kept - first] { kept += 1 }
        let mustKeep = mustKeepAll ? known.count : min(known.count, max(Int(synced.rawValue), syncedCount))
        guard kept >= mustKeep else {
            throw Violation(
                "the log had \(known.count) events, \(mustKeep) of them for good, and a restart finds \(kept)")
        }
        seenAt = seenAt.prefix(kept) + Array(repeating: time.now, count: found.count - (kept - first))
        oracle = Oracle()
        for event in known.prefix(kept) { try oracle.fold(event) }
        for event in found.dropFirst(kept - first) { try oracle.fold(event) }
        for (client, said) in unjudged { try judge(said, for: client) }
        unjudged = []
        judged = min(judged, Position(UInt64(kept)))
        mustKeepAll = true
        try judge()
        isStopping = false
    }

    /// How many events a power cut must leave because a sync was due since. As the loops of a simulation take their time, this
    /// counts from the last moment at which the one that syncs had nothing to do.
    private var syncedCount: Int {
        guard swarm.configuration.durability == .interval else { return 0 }
        let interval = TimeAmount.milliseconds(Int64(swarm.configuration.syncIntervalMilliseconds))
        return seenAt.prefix { $0 + interval <= syncedAt }.count
    }

    // MARK: Ending

    /// How a server comes to a sudden end.
    enum Crash {
        /// Its process dies; the kernel keeps everything.
        case process
        /// The machine stops; of each page that was not synced, the new state is left with a probability of `share` / 256.
        case machine(share: UInt32)
    }

    /// The machine stops, and chance says what the disk made of it.
    var powerCut: Crash {
        // Without a sync of every commit, pages of different moments do not make a log, and reading them may end the process:
        // that is left to tools/power-cut.
        let shares: [UInt32] = swarm.configuration.durability == .always ? [0, 64, 200, 256] : [0, 0, 256]
        return .machine(share: shares.randomElement(using: &random) ?? 0)
    }

    /// The process is gone, with or without the machine; a new one starts on what is left.
    func crash(_ crash: Crash) throws {
        outcome.crashes += 1
        try moveOn(after: crash)
        try start()
    }

    /// Puts what is left where the next server finds it.
    func moveOn(after crash: Crash) throws {
        letGo()
        var kept: UInt32 = 256
        if case .machine(let share) = crash {
            kept = share
            boot += 1
        }
        if swarm.configuration.durability != .always, kept < 256 { mustKeepAll = false }
        SimulatedDisk.survive(path(serverCount), to: path(serverCount + 1), seed: random.next(), share: kept)
        remove(path(serverCount))
    }

    private func remove(_ path: String) {
        for name in TemporaryFolder.names(in: path) { unsafe unlink("\(path)/\(name)") }
        unsafe rmdir(path)
    }

    func letGo() {
        #if DEBUG
            // NIO's debug builds stop at a promise that nobody fulfils any more; a process that is killed leaves many.
            unsafe Simulation.graveyard.append((clients, loops.map { $0.kill() }, server))
        #endif
        for client in clients { client.channel.kill() }
        past += clients
        clients = []
        for loop in loops { _ = loop.kill() }
        server?.abandonNow()
        server = nil
        loops = []
        descriptors = SimulatedDescriptors(first: CInt(simulated_socket_first))
    }
}
