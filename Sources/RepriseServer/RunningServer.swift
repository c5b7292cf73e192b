package import Logging
package import NIOCore
internal import NIOHTTP1
package import Reprise

/// The moving parts of a server that has started, on loops that it is given.
package struct RunningServer: Sendable {
    /// The position of this session's `sessionStarted`.
    package let firstPosition: Position
    /// How many connections of the last session were closed on the way.
    package let closedConnections: Int
    /// One for each loop.
    let rooms: [LoopRoom]
    let recorder: Recorder
    let shards: [Shard]
    private let reader: DiskReader
    private let headerLimits: NIOHTTPDecoderLimitConfiguration
    /// What is kept of the log, bytes; 0 for all of it.
    let retainedBytes: Int

    /// The loops of a server.
    package struct Loops {
        /// Serve the sockets.
        var sockets: [any EventLoop]
        /// What may wait for the disk.
        var disk: any EventLoop
        /// Reads the log, for connections that catch up and for the management API.
        var reader: any EventLoop

        /// Names the loops.
        package init(sockets: [any EventLoop], disk: any EventLoop, reader: any EventLoop) {
            self.sockets = sockets
            self.disk = disk
            self.reader = reader
        }
    }

    /// Takes up the log, in the calling thread, and builds the parts on their loops.
    ///
    /// - Throws: `ServerError`.
    package static func start(
        _ configuration: ServerConfiguration, machine: Machine, loops: Loops, logger: Logger,
        onFailure: @escaping @Sendable (ServerError) -> Void
    ) throws(ServerError) -> EventLoopFuture<RunningServer> {
        try start(
            configuration, machine: machine, loops: loops, player: nil, tokenFile: nil, logger: logger,
            onFailure: onFailure)
    }

    /// The same, with a recording that is played to whoever connects, and with tokens for the management API.
    static func start(
        _ configuration: ServerConfiguration, machine: Machine, loops: Loops, player: Player?,
        tokenFile: AdminTokenFile?, logger: Logger, onFailure: @escaping @Sendable (ServerError) -> Void
    ) throws(ServerError) -> EventLoopFuture<RunningServer> {
        let startup = try Startup(configuration, machine: machine)
        let (firstPosition, closedConnections) = (startup.firstPosition, startup.closedConnections)
        let gate = LogGate()
        let inFlight = InFlight(bytesMax: configuration.inFlightBytesMax)
        let retentionStatus = RetentionStatus()
        let logTime = LogTime(startup.writer.tail.time, clock: machine.clock, logger: logger)
        logTime.check()
        let configuration = sparing(startup.log, configuration, logger)
        let count = ConnectionCount(limit: configuration.connectionsMax)
        let connectRate = SharedRateLimit(perSecond: configuration.connectRateMax)
        let log = startup.log
        let reader = DiskReader(
            eventLoop: loops.reader, log: log,
            catchUp: CatchUp(
                log, configuration: configuration.engine,
                bytesMax: min(CatchUp.chunkBytesMax, configuration.ringBytesMax / 8)),
            logger: logger)
        let sendQueueLog = SendQueueLog(logger)
        let shards = loops.sockets.enumerated().map { index, loop in
            Shard(
                index: index, eventLoop: loop, ringBytesMax: configuration.ringBytesMax,
                performedThrough: firstPosition, reader: reader,
                sendQueue: machine.batchesSends ? SendQueue(onFailure: { sendQueueLog.write($0) }) : nil)
        }
        // A commit that does not wait for the disk takes microseconds: less than to wake another thread and to be woken. With
        // several loops the one that records would serve its sockets late.
        let recordsOnLoop = configuration.durability != .always && loops.sockets.count == 1
        let recorder = Recorder(
            eventLoop: recordsOnLoop ? loops.sockets[0] : loops.disk, startup: startup, configuration: configuration,
            gate: gate, inFlight: inFlight, observations: shards.map(\.observation), retentionStatus: retentionStatus,
            logTime: logTime, clock: machine.clock, onFailure: onFailure)
        let syncInterval: TimeAmount? =
            configuration.durability == .interval
            ? .milliseconds(Int64(configuration.syncIntervalMilliseconds)) : nil
        let recording = recorder.eventLoop.submit { [disk = loops.disk] in
            recorder.start(shards)
            recorder.startHousekeeping(syncInterval: syncInterval, syncLoop: disk)
        }
        let rule = ManagementRule(
            isOpen: configuration.isManagementOpen, domainNames: configuration.domainNames, tokenFile: tokenFile)
        let rooms = shards.map { shard in
            shard.eventLoop.submit {
                let gateway = Gateway(
                    shard: shard, configuration: configuration, recorder: recorder, gate: gate, inFlight: inFlight,
                    connectionCount: count, connectRate: connectRate, machine: machine)
                shard.start(gateway)
                if let player { gateway.onOpen = { player.viewerJoined() } }
                let management = ManagementAPI(
                    gateway: gateway, rule: rule, shards: shards, reader: reader, retention: retentionStatus,
                    logTime: logTime, player: player)
                return LoopRoom(
                    eventLoop: shard.eventLoop,
                    parts: NIOLoopBound((gateway, management), eventLoop: shard.eventLoop))
            }
        }
        let limits = configuration.headerLimits
        let served = EventLoopFuture.whenAllSucceed(rooms, on: recorder.eventLoop).and(recording).map { rooms, _ in
            RunningServer(
                firstPosition: firstPosition, closedConnections: closedConnections, rooms: rooms, recorder: recorder,
                shards: shards, reader: reader, headerLimits: limits,
                retainedBytes: configuration.retainedBytes)
        }
        guard let player else { return served }
        return served.flatMap { server in
            player.start(PlaybackStage(server.rooms[0]), viewers: { count.now }).map { server }
        }
    }

    /// Spares a log that is larger than what is kept by default, and that nobody has trimmed yet: what was recorded when all was kept
    /// is deleted only where somebody says so. Says what will be trimmed otherwise.
    private static func sparing(
        _ log: EventLog, _ configuration: ServerConfiguration, _ logger: Logger
    ) -> ServerConfiguration {
        let kept = configuration.retainedBytes
        guard kept > 0, (try? log.holdsMore(than: kept)) == true else { return configuration }
        guard configuration.retainBytes == nil, (try? log.cut()) == .some(nil) else {
            logger.warning(
                """
                the log holds more than \(kept) bytes: its oldest events are trimmed away from now on (--retain-bytes 0 keeps all, \
                and refuses connects and messages when the log is full)
                """)
            return configuration
        }
        logger.warning(
            """
            the log holds more than half of --log-bytes, and nothing was ever trimmed from it: all of it is kept, and connects and \
            messages are refused when it is full (--retain-bytes \(kept) trims its oldest events, --retain-bytes 0 keeps them \
            without this warning)
            """)
        var configuration = configuration
        configuration.retainBytes = 0
        return configuration
    }

    // MARK: Sockets

    /// Equips an accepted socket for HTTP. On its loop, which is one of the server's.
    package func equip(_ channel: any Channel) throws { try equip(channel, with: nil, acceptedBy: .main) }

    /// The same, with TLS before it.
    func equip(_ channel: any Channel, with identity: TLSIdentity?, acceptedBy listener: Listener) throws {
        guard let room = rooms.first(where: { $0.eventLoop === channel.eventLoop }) else {
            preconditionFailure("a connection was accepted on a loop that serves no sockets")
        }
        let decoder = RequestDecoder.make(limits: headerLimits)
        let (gateway, management) = room.parts.value
        let handler = HTTPGatewayHandler(
            gateway: gateway, management: management, listener: listener, decoder: decoder)
        // A handshake has a few hundred bytes, and the channel keeps its first buffer for good.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 16_384))
        try channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
        let pipeline = channel.pipeline.syncOperations
        if let identity {
            guard let loop = gateway.shard.secureLoop else { preconditionFailure("a certificate without TLS") }
            try channel.syncOptions?.setOption(.recvAllocator, value: UnkeptBuffers())
            try pipeline.addHandler(identity.makeSocket(on: loop))
        }
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(handler)
    }

    // MARK: The end

    /// How long a stopping server waits for a full disk, once every client had its time.
    private static let patience = TimeAmount.nanoseconds(5_000_000_000)

    /// Ends every connection, then the session. Nothing is accepted any more when it is called.
    ///
    /// The future fails with `storageFailed` when the log does not take the end.
    package func end(drain: TimeAmount, closeTimeout: TimeAmount, hurry: Hurry) -> EventLoopFuture<Void> {
        let loop = recorder.eventLoop
        return loop.submit { [recorder] in
            recorder.startStopping(patience: drain + closeTimeout + RunningServer.patience)
        }.flatMap { [shards] in
            onEach(shards, of: loop) { shard in
                shard.gateway?.admission.isStopping = true
                shard.endAll(over: drain)
            }
        }.flatMap { [shards] in
            hurry.whenAsked {
                for shard in shards { shard.eventLoop.execute { shard.endAll(over: .zero) } }
            }
            return EventLoopFuture.andAllSucceed(
                shards.map { shard in shard.eventLoop.flatSubmit { shard.whenEmpty() } }, on: loop)
        }.always { _ in
            hurry.forget()
        }.flatMap { [recorder] in
            recorder.finish()
        }.flatMap { [shards] in
            // Callers that keep a connection for later; their requests are answered.
            onEach(shards, of: loop) { shard in shard.gateway?.pending.all.forEach { $0.evict() } }
        }
    }

    /// Takes the parts apart without ending anything: nothing is recorded, sent or read any more.
    package func abandon() -> EventLoopFuture<Void> {
        let loop = recorder.eventLoop
        return reader.stop().hop(to: loop).flatMap { [shards] in onEach(shards, of: loop) { $0.stop() } }
    }

    /// The same for a server whose loops have stopped for good: nobody is left to wait for, or to be told.
    package func abandonNow() { for shard in shards { shard.stop() } }

    /// Runs `body` on the loop of every shard; completes on `loop`.
    private func onEach(
        _ shards: [Shard], of loop: any EventLoop, _ body: @escaping @Sendable (Shard) -> Void
    ) -> EventLoopFuture<Void> {
        EventLoopFuture.andAllSucceed(shards.map { shard in shard.eventLoop.submit { body(shard) } }, on: loop)
    }
}

/// The gateway and the management API of one loop.
struct LoopRoom: Sendable {
    let eventLoop: any EventLoop
    let parts: NIOLoopBound<(Gateway, ManagementAPI)>
}

extension ServerConfiguration {
    fileprivate var headerLimits: NIOHTTPDecoderLimitConfiguration {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = headerBytesMax
        limits.maxHeaderListSize = headerBytesMax
        limits.maxHeaderFieldCount = 128
        return limits
    }
}
