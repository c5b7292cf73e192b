// The server: puts the loops, the Recorder and the socket together, and takes them apart in flow order.

public import Logging
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
public import Reprise
public import ServiceLifecycle
internal import Synchronization

/// What a server says when it listens.
public struct ServerAnnouncement: Sendable {
    /// The WebSocket URL.
    public var url: String
    /// The port, as the system chose it where it was 0.
    public var port: Int
    /// The data folder.
    public var dataPath: String
    /// The position of this session's `sessionStarted`.
    public var firstPosition: Position
    /// How many connections of the last session were closed on the way.
    public var closedConnections: Int
}

/// A broadcast server on one data folder.
public struct Server: Service {
    private let configuration: ServerConfiguration
    private let playback: Playback?
    private let logger: Logger
    private let onListening: @Sendable (ServerAnnouncement) -> Void

    /// Prepares a server. Nothing is opened before `run`.
    ///
    /// - Parameters:
    ///   - playback: a recording to play to whoever connects.
    ///   - onListening: is called once, when connections are accepted.
    public init(
        _ configuration: ServerConfiguration, playback: Playback? = nil, logger: Logger,
        onListening: @escaping @Sendable (ServerAnnouncement) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.playback = playback
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until a graceful shutdown is asked for, or the log fails.
    ///
    /// Order of the start: folder lock, socket (bound, not accepting), log, recovery, accepting. Order of the end: stop
    /// accepting, close every connection with 1001, commit every `disconnected`, `sessionEnded`, last checkpoint, close.
    ///
    /// - Throws: `ServerError`.
    public func run() async throws {
        let lock = try DataFolderLock(configuration.dataPath)
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: configuration.loopCount)
        let diskLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let readerLoop =
            configuration.slowConsumerPolicy == .catchUp ? MultiThreadedEventLoopGroup(numberOfThreads: 1) : nil
        let playerLoop = playback.map { _ in MultiThreadedEventLoopGroup(numberOfThreads: 1) }
        let result: Result<Void, any Error>
        do {
            let player = try playback.flatMap { playback in
                try playerLoop.map { try Player(playback, eventLoop: $0.next(), clock: { Host.now }) }
            }
            try await serve(
                on: loops, diskLoop: diskLoop.next(), readerLoop: readerLoop?.next(), player: player)
            result = .success(())
        } catch {
            result = .failure(error)
        }
        try await loops.shutdownGracefully()
        try await diskLoop.shutdownGracefully()
        try await readerLoop?.shutdownGracefully()
        try await playerLoop?.shutdownGracefully()
        withExtendedLifetime(lock) {}
        try result.get()
    }

    private func serve(
        on loops: MultiThreadedEventLoopGroup, diskLoop: any EventLoop, readerLoop: (any EventLoop)?,
        player: Player?
    ) async throws {
        let engineRoom = EngineRoom()
        let channel = try await bind(loops, engineRoom)
        let (failures, failed) = AsyncStream.makeStream(of: ServerError.self)
        let running: RunningServer
        do {
            let startup = try Startup(configuration, clock: { Host.now })
            let announcement = ServerAnnouncement(
                url: "ws://\(host(of: channel))/\(configuration.stage)", port: channel.localAddress?.port ?? 0,
                dataPath: configuration.dataPath, firstPosition: startup.firstPosition,
                closedConnections: startup.closedConnections)
            if configuration.isManagementOpen {
                logger.warning("the management API answers every caller: --management-open", metadata: nil)
            }
            running = try await RunningServer.start(
                startup, configuration, loops: Array(loops.makeIterator()), diskLoop: diskLoop,
                readerLoop: readerLoop, player: player, logger: logger
            ) { failed.yield($0) }
            engineRoom.open(running.gateways)
            try await channel.setOption(.autoRead, value: true).get()
            onListening(announcement)
        } catch {
            try? await channel.close()
            throw error
        }

        let failure = await firstFailure(of: failures)
        try? await channel.close()
        try? await player?.stop()
        if let failure {
            try await running.abandon()
            throw failure
        }
        logger.info("stopping", metadata: ["drain": "\(configuration.drainSeconds) s"])
        try await running.stop(
            drain: .seconds(configuration.drainSeconds), closeTimeout: .seconds(configuration.closeTimeoutSeconds))
    }

    /// Waits until the log fails, or a shutdown is asked for (`nil`).
    private func firstFailure(of failures: AsyncStream<ServerError>) async -> ServerError? {
        await withTaskGroup(of: ServerError?.self) { group in
            group.addTask {
                for await failure in failures { return failure }
                return nil
            }
            group.addTask {
                try? await gracefulShutdown()  // throws when cancelled, which ends the server likewise
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    /// Listens without accepting: a port in use is found out before the log is touched.
    private func bind(_ loops: MultiThreadedEventLoopGroup, _ engineRoom: EngineRoom) async throws -> any Channel {
        let limits = configuration.headerLimits
        do {
            // The bootstrap sets TCP_NODELAY on the listening socket, and Linux hands it on to what is accepted.
            return try await ServerBootstrap(group: loops)
                .serverChannelOption(.backlog, value: 4096)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .serverChannelOption(.autoRead, value: false)
                .childChannelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try engineRoom.equip(channel, limits)
                    }
                }
                .bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw ServerError.cannotListen(
                host: configuration.host, port: configuration.port,
                reason: (error as? IOError).map { Host.text(ofError: $0.errnoCode) } ?? "\(error)")
        }
    }

    private func host(of channel: any Channel) -> String {
        let host = configuration.host.contains(":") ? "[\(configuration.host)]" : configuration.host
        return "\(host):\(channel.localAddress?.port ?? configuration.port)"
    }
}

/// Where new sockets find the gateway of their loop. Empty until the log is ready, and nothing is accepted before.
private final class EngineRoom: Sendable {
    private let rooms = Mutex<[ObjectIdentifier: LoopRoom]>([:])

    func open(_ gateways: [LoopRoom]) {
        rooms.withLock { rooms in
            for room in gateways { rooms[ObjectIdentifier(room.eventLoop)] = room }
        }
    }

    /// Equips an accepted socket for HTTP. On its loop.
    func equip(_ channel: any Channel, _ limits: NIOHTTPDecoderLimitConfiguration) throws {
        guard let room = rooms.withLock({ $0[ObjectIdentifier(channel.eventLoop)] }) else {
            preconditionFailure("a connection was accepted before the log was ready")
        }
        let decoder = ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits))
        let (gateway, management) = room.parts.value
        let handler = HTTPGatewayHandler(gateway: gateway, management: management, decoder: decoder)
        // A handshake has a few hundred bytes, and the channel keeps its first buffer for good.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 512, maximum: 16_384))
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(decoder)
        try pipeline.addHandler(handler)
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
