// Where a server listens: at the port of the clients and, with `--admin`, at a place for the management API alone.

internal import NIOCore
internal import NIOPosix

/// The listener that has accepted a socket: it decides what can be asked for.
package enum Listener: Sendable {
    /// `--host` and `--port`.
    case main
    /// `--admin HOST:PORT`.
    case admin
    /// `--admin unix:/path`: whoever can open the file may call.
    case adminFile
}

/// The listeners of one server. Nothing is accepted before `accept`.
struct Listeners: Sendable {
    private let main: any Channel
    private let admin: (any Channel)?
    private let file: SocketFile?

    /// Binds them: a port in use is found out before the log is touched.
    ///
    /// - Parameter equip: is called for every accepted socket, on its loop.
    /// - Throws: `ServerError`.
    init(
        _ configuration: ServerConfiguration, on loops: MultiThreadedEventLoopGroup,
        equip: @escaping @Sendable (any Channel, Listener) throws -> Void
    ) async throws {
        let main: any Channel
        do {
            main = try await Listeners.bootstrap(.main, loops, equip).keepingAlive(KeepAlive(configuration))
                .bind(host: configuration.host, port: configuration.port).get()
        } catch {
            throw ServerError.cannotListen(
                host: configuration.host, port: configuration.port, reason: Listeners.reason(of: error))
        }
        do {
            (admin, file) = try await Listeners.bind(configuration.admin, loops, equip)
        } catch {
            try? await main.close()
            throw ServerError.cannotListenForAdmin(
                address: "\(configuration.admin)", reason: Listeners.reason(of: error))
        }
        self.main = main
    }

    private static func bind(
        _ address: AdminAddress, _ loops: MultiThreadedEventLoopGroup,
        _ equip: @escaping @Sendable (any Channel, Listener) throws -> Void
    ) async throws -> ((any Channel)?, SocketFile?) {
        switch address {
        case .same, .off: return (nil, nil)
        case .port(let host, let port):
            return (try await bootstrap(.admin, loops, equip).bind(host: host, port: port).get(), nil)
        case .file(let path):
            let file = try SocketFile(binding: path)
            do {
                return (try await bootstrap(.adminFile, loops, equip).withBoundSocket(file.descriptor).get(), file)
            } catch {
                file.remove()
                throw error
            }
        }
    }

    private static func bootstrap(
        _ listener: Listener, _ loops: MultiThreadedEventLoopGroup,
        _ equip: @escaping @Sendable (any Channel, Listener) throws -> Void
    ) -> ServerBootstrap {
        // The bootstrap sets TCP_NODELAY on the listening socket, and Linux hands it on to what is accepted.
        ServerBootstrap(group: loops)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.autoRead, value: false)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.closeOnExec()
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.closeOnExec()
                    try equip(channel, listener)
                }
            }
    }

    private static func reason(of error: any Error) -> String {
        switch error {
        case let error as IOError: Host.text(ofError: error.errnoCode)
        case let error as SocketFile.Problem: error.reason
        default: "\(error)"
        }
    }

    /// The port of the clients, as the system chose it where it was 0.
    var port: Int? { main.localAddress?.port }

    /// The port of the management API, where it has one of its own.
    var adminPort: Int? { file == nil ? admin?.localAddress?.port : nil }

    /// Accepts from now on.
    func accept() async throws {
        try await main.setOption(.autoRead, value: true).get()
        try await admin?.setOption(.autoRead, value: true).get()
    }

    /// Accepts nothing any more.
    func close() async {
        file?.remove()
        try? await main.close()
        try? await admin?.close()
    }
}

extension Channel {
    /// Keeps the channel's socket from programs that this process starts. On its loop.
    fileprivate func closeOnExec() throws {
        try pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { Host.closeOnExec($0) }
    }
}
