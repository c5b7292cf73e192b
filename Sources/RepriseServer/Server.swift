// The server: puts the loops, the Recorder and the socket together, and takes them apart in flow order.

public import Logging
internal import NIOCore
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
    /// Where the management API answers: `same` for that port, `off`, a URL, or `unix:` and a path.
    public var admin: String
    /// Whether it answers every caller.
    public var isManagementOpen: Bool
    /// The data folder.
    public var dataPath: String
    /// The position of this session's `sessionStarted`.
    public var firstPosition: Position
    /// How many connections of the last session were closed on the way.
    public var closedConnections: Int
    /// Bytes of events that are kept, older ones being trimmed away; 0 is all.
    public var retainedBytes: Int
}

/// A broadcast server on one data folder.
public struct Server: Service {
    private var configuration: ServerConfiguration
    private let playback: Playback?
    private let logger: Logger
    private let onListening: @Sendable (ServerAnnouncement) -> Void
    private let hurry = Hurry()
    private let identity = Loaded<TLSIdentity>()
    private let tokenFile = Loaded<AdminTokenFile>()

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
        if configuration.isSecure {
            identity.value = try TLSIdentity(configuration)
        }
        if configuration.hasAdminTokens {
            tokenFile.value = try AdminTokenFile(configuration.adminTokenPath)
        }
        let lock = try DataFolderLock(configuration.dataPath)
        let descriptors = Host.raiseDescriptorLimit(toHold: configuration.clientDescriptorsMax + 64)
        let loops = MultiThreadedEventLoopGroup(numberOfThreads: configuration.loopCount)
        let diskLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let readerLoop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let playerLoop = playback.map { _ in MultiThreadedEventLoopGroup(numberOfThreads: 1) }
        Host.closeEpollsOnExec()
        let result = await Result {
            let player = try playback.flatMap { playback in
                try playerLoop.map { try Player(playback, eventLoop: $0.next(), clock: { Host.now }) }
            }
            try await fitted(to: descriptors).serve(
                on: loops, diskLoop: diskLoop.next(), readerLoop: readerLoop.next(), player: player)
        }
        try await loops.shutdownGracefully()
        try await diskLoop.shutdownGracefully()
        try await readerLoop.shutdownGracefully()
        try await playerLoop?.shutdownGracefully()
        withExtendedLifetime(lock) {}
        try result.get()
    }

    /// The same server, with no more sockets than this process may have. Once its loops have been made.
    private func fitted(to descriptors: Int) -> Server {
        let own = Host.descriptorCount + DescriptorBudget.ownLater(loops: configuration.loopCount)
        let budget = DescriptorBudget(limit: descriptors, own: own, for: configuration)
        var fitted = self
        fitted.configuration.connectionsMax = budget.connectionsMax
        fitted.configuration.pendingSocketsMax = budget.pendingSocketsMax
        if fitted.configuration.clientDescriptorsMax < configuration.clientDescriptorsMax {
            // Many machines allow just about the default number of connections: no reason to warn at every start.
            logger.log(
                level: descriptors < configuration.connectionsMax ? .warning : .info,
                """
                \(descriptors) descriptors are allowed, and \(own + configuration.clientDescriptorsMax) may be needed: at most \
                \(budget.connectionsMax) connections are taken (--max-connections \(configuration.connectionsMax)), and \
                \(budget.pendingSocketsMax) other sockets for each loop (--max-pending \(configuration.pendingSocketsMax)); \
                raise the limit (ulimit -Hn, LimitNOFILE=), or lower these
                """)
        }
        return fitted
    }

    private func serve(
        on loops: MultiThreadedEventLoopGroup, diskLoop: any EventLoop, readerLoop: any EventLoop,
        player: Player?
    ) async throws {
        let engineRoom = EngineRoom()
        let identity = identity
        let listeners = try await Listeners(configuration, on: loops) { channel, listener in
            // A unix socket does not leave the machine.
            try engineRoom.equip(channel, listener, listener == .adminFile ? nil : identity.value)
        }
        let (failures, failed) = AsyncStream.makeStream(of: ServerError.self)
        let running: RunningServer
        do {
            running = try await RunningServer.start(
                configuration, machine: .host,
                loops: .init(sockets: Array(loops.makeIterator()), disk: diskLoop, reader: readerLoop), player: player,
                tokenFile: tokenFile.value, logger: logger, onFailure: { failed.yield($0) }
            ).get()
            engineRoom.open(running)
            try await listeners.accept()
            warnOfOpenDoors()
            onListening(announcement(of: running, listeners))
        } catch {
            await listeners.close()
            throw error
        }

        let failure = await firstFailure(of: failures)
        await listeners.close()
        try? await player?.stop()
        if let failure {
            try await running.abandon().get()
            throw failure
        }
        logger.info("stopping", metadata: ["drain": "\(configuration.drainSeconds) s"])
        let ended = running.end(
            drain: .seconds(configuration.drainSeconds), closeTimeout: .seconds(configuration.closeTimeoutSeconds),
            hurry: hurry)
        let result = await Result { try await ended.get() }
        try await running.abandon().get()
        try result.get()
    }

    /// Says what others than the server's own user may do.
    private func warnOfOpenDoors() {
        if configuration.opensManagement {
            logger.warning("the management API answers every caller: --management-open", metadata: nil)
        }
        if Host.isOpenToOthers(configuration.dataPath) {
            logger.warning(
                """
                other users of this machine may look into the data folder, which holds all that clients sent: \
                chmod -R go= \(configuration.dataPath)
                """)
        }
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

    /// Ends a drain early: everybody who still waits for a Close gets it now. Any thread; does nothing else.
    public func hurryShutdown() { hurry.ask() }

    /// Reads the certificate and its key again, for connections that come from now on. Any thread; does nothing where the
    /// server has none.
    ///
    /// - Throws: `certificate`; what was in use before then stays in use.
    public func reloadCertificate() throws(ServerError) {
        try identity.value?.reload()
    }

    /// Reads the tokens for the management API again. Any thread; does nothing where the server has none.
    ///
    /// - Throws: `adminTokens`; what was in use before then stays in use.
    public func reloadAdminTokens() throws(ServerError) {
        try tokenFile.value?.reload()
    }

    private func announcement(of running: RunningServer, _ listeners: Listeners) -> ServerAnnouncement {
        let port = listeners.port ?? configuration.port
        func url(_ scheme: String, _ host: String, _ port: Int) -> String {
            let scheme = configuration.isSecure ? scheme + "s" : scheme
            return "\(scheme)://\(AdminAddress.authority(host, port))/\(configuration.stage)"
        }
        let admin =
            switch configuration.admin {
            case .port(let host, let port): url("http", host, listeners.adminPort ?? port)
            case .same, .off, .file: configuration.admin.description
            }
        return ServerAnnouncement(
            url: url("ws", configuration.host, port), port: port, admin: admin,
            isManagementOpen: configuration.opensManagement, dataPath: configuration.dataPath,
            firstPosition: running.firstPosition, closedConnections: running.closedConnections,
            retainedBytes: running.retainedBytes)
    }
}

/// What a server that runs has read from files.
private final class Loaded<Value: Sendable>: Sendable {
    private let stored = Mutex<Value?>(nil)

    var value: Value? {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}

/// Where new sockets find the server. Empty until the log is ready, and nothing is accepted before.
private final class EngineRoom: Sendable {
    private let server = Mutex<RunningServer?>(nil)

    func open(_ running: RunningServer) { server.withLock { $0 = running } }

    /// Equips an accepted socket. On its loop.
    func equip(_ channel: any Channel, _ listener: Listener, _ identity: TLSIdentity?) throws {
        guard let server = server.withLock({ $0 }) else {
            preconditionFailure("a connection was accepted before the log was ready")
        }
        try server.equip(channel, with: identity, acceptedBy: listener)
    }
}

extension Result where Failure == any Error {
    /// What `body` returns or throws.
    fileprivate init(_ body: () async throws -> Success) async {
        do { self = .success(try await body()) } catch { self = .failure(error) }
    }
}
