// Probes that the kernel sends to a machine from which nothing has come for a while. One that is gone, or has forgotten the
// connection, is noticed by them.

internal import Glibc
internal import NIOCore
internal import NIOPosix

/// The settings of TCP keepalive, in whole seconds as the kernel wants them.
struct KeepAlive: Equatable, Sendable {
    /// How long nothing comes before the first probe.
    var idleSeconds: Int
    /// Between two probes.
    var intervalSeconds: Int
    /// So many without an answer end the connection.
    var probes: Int

    /// The most that the kernel takes.
    static let secondsMax = 32_767
}

extension KeepAlive {
    /// At most five probes, and together no longer than the timeout; `nil` where it is off.
    init?(_ configuration: ServerConfiguration) {
        guard configuration.keepaliveSeconds > 0 else { return nil }
        let timeout = configuration.pingTimeoutSeconds
        idleSeconds = max(1, Int(configuration.keepaliveSeconds))
        intervalSeconds = min(KeepAlive.secondsMax, max(1, Int((timeout / 5).rounded(.up))))
        probes = min(5, max(1, Int(timeout) / intervalSeconds))
    }
}

extension ServerBootstrap {
    /// Sets keepalive on the listening socket; Linux hands it on to what is accepted.
    func keepingAlive(_ keepAlive: KeepAlive?) -> ServerBootstrap {
        guard let keepAlive else { return self }
        return serverChannelOption(.socketOption(.so_keepalive), value: 1)
            .serverChannelOption(.tcpOption(TCP_KEEPIDLE), value: keepAlive.idleSeconds)
            .serverChannelOption(.tcpOption(TCP_KEEPINTVL), value: keepAlive.intervalSeconds)
            .serverChannelOption(.tcpOption(TCP_KEEPCNT), value: keepAlive.probes)
    }
}

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    fileprivate static func tcpOption(_ name: CInt) -> Self {
        Self(level: NIOBSDSocket.OptionLevel.tcp, name: NIOBSDSocket.Option(rawValue: name))
    }
}
