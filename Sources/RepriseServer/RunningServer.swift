internal import Logging
internal import NIOCore
internal import Reprise

/// The moving parts of a server that has started.
struct RunningServer: Sendable {
    /// One for each loop.
    let gateways: [LoopRoom]
    private let recorder: Recorder
    private let shards: [Shard]
    private let reader: CatchUpReader?

    /// Builds the parts on their loops.
    ///
    /// - Parameters:
    ///   - loops: serve the sockets.
    ///   - diskLoop: what may wait for the disk.
    ///   - readerLoop: reads for connections that catch up; `nil` where the policy is another.
    static func start(
        _ startup: consuming Startup, _ configuration: ServerConfiguration, loops: [any EventLoop],
        diskLoop: any EventLoop, readerLoop: (any EventLoop)?, player: Player? = nil, logger: Logger,
        onFailure: @escaping @Sendable (ServerError) -> Void
    ) async throws -> RunningServer {
        let gate = LogGate()
        let inFlight = InFlight(bytesMax: configuration.inFlightBytesMax)
        let retentionStatus = RetentionStatus()
        let count = ConnectionCount(limit: configuration.connectionsMax)
        let log = startup.log
        let reader = readerLoop.map { loop in
            CatchUpReader(
                eventLoop: loop,
                catchUp: CatchUp(
                    log, configuration: configuration.engine,
                    bytesMax: min(CatchUp.chunkBytesMax, configuration.ringBytesMax / 8)),
                logger: logger)
        }
        let shards = loops.enumerated().map { index, loop in
            Shard(
                index: index, eventLoop: loop, ringBytesMax: configuration.ringBytesMax,
                performedThrough: startup.firstPosition, reader: reader)
        }
        // A commit that does not wait for the disk takes microseconds: less than to wake another thread and to be woken. With
        // several loops the one that records would serve its sockets late.
        let recordsOnLoop = configuration.durability != .always && loops.count == 1
        let recorderLoop = recordsOnLoop ? loops[0] : diskLoop
        let recorder = Recorder(
            eventLoop: recorderLoop, startup: startup, configuration: configuration, gate: gate, inFlight: inFlight,
            observations: shards.map(\.observation), retentionStatus: retentionStatus, clock: { Host.now },
            onFailure: onFailure)
        let syncInterval: TimeAmount? =
            configuration.durability == .interval
            ? .milliseconds(Int64(configuration.syncIntervalMilliseconds)) : nil
        try await recorderLoop.submit {
            recorder.start(shards)
            recorder.startHousekeeping(syncInterval: syncInterval, syncLoop: diskLoop)
        }.get()

        var rooms: [LoopRoom] = []
        for shard in shards {
            let room = try await shard.eventLoop.submit {
                let gateway = Gateway(
                    shard: shard, configuration: configuration, recorder: recorder, gate: gate, inFlight: inFlight,
                    connectionCount: count, clock: { Host.now })
                shard.start(gateway)
                if let player { gateway.onOpen = { player.viewerJoined() } }
                let management = ManagementAPI(
                    gateway: gateway, shards: shards, log: log, retention: retentionStatus, player: player)
                return LoopRoom(
                    eventLoop: shard.eventLoop,
                    parts: NIOLoopBound((gateway, management), eventLoop: shard.eventLoop))
            }.get()
            rooms.append(room)
        }
        if let player, let room = rooms.first {
            try await player.start(PlaybackStage(room), viewers: { count.now })
        }
        return RunningServer(gateways: rooms, recorder: recorder, shards: shards, reader: reader)
    }

    /// Ends every connection, then the session. Nothing is accepted any more when it is called.
    ///
    /// - Throws: `storageFailed` when the log does not take the end.
    func stop(drain: TimeAmount, closeTimeout: TimeAmount) async throws {
        do {
            try await end(drain: drain, closeTimeout: closeTimeout)
        } catch {
            try await abandon()
            throw error
        }
        try await abandon()
    }

    /// Takes the parts apart without ending anything.
    func abandon() async throws {
        try await reader?.stop()
        for shard in shards { try await shard.eventLoop.submit { shard.stop() }.get() }
    }

    /// How long a stopping server waits for a full disk, once every client had its time.
    private static let patience = TimeAmount.nanoseconds(5_000_000_000)

    private func end(drain: TimeAmount, closeTimeout: TimeAmount) async throws {
        try await recorder.eventLoop.submit { [recorder] in
            recorder.startStopping(patience: drain + closeTimeout + RunningServer.patience)
        }.get()
        for shard in shards {
            try await shard.eventLoop.submit {
                shard.gateway?.isStopping = true
                shard.endAll(over: drain)
            }.get()
        }
        for shard in shards { try await shard.eventLoop.flatSubmit { shard.whenEmpty() }.get() }
        try await recorder.eventLoop.submit { try recorder.finish() }.get()
    }
}
