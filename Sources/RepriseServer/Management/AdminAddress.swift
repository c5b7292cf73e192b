internal import NIOCore

/// Where the management API answers: `--admin`.
public enum AdminAddress: Equatable, Sendable, CustomStringConvertible {
    /// At the port of the clients.
    case same
    /// Nowhere.
    case off
    /// At an address of its own; port 0 lets the system choose.
    case port(host: String, port: Int)
    /// At a unix socket, which only the server's user can open.
    case file(path: String)

    /// The most bytes that the path of a unix socket can have: `sun_path` holds one more, for the zero behind them.
    static let pathBytesMax = 107

    /// Reads `same`, `off`, `HOST:PORT` or `unix:/path`.
    public init?(_ text: String) {
        switch text {
        case "same": self = .same
        case "off": self = .off
        case _ where text.hasPrefix("unix:"):
            let path = text.dropFirst("unix:".utf8.count)
            guard !path.isEmpty else { return nil }
            self = .file(path: String(path))
        default:
            guard HostName.isValid(authority: text), let colon = text.lastIndex(of: ":"),
                let port = UInt16(text[text.index(after: colon)...])
            else { return nil }
            let host = HostName(authority: text).text
            guard !host.isEmpty else { return nil }
            self = .port(host: host, port: Int(port))
        }
    }

    /// The form that is read.
    public var description: String {
        switch self {
        case .same: "same"
        case .off: "off"
        case .port(let host, let port): AdminAddress.authority(host, port)
        case .file(let path): "unix:\(path)"
        }
    }

    /// `HOST:PORT`, with brackets around an address of IPv6.
    static func authority(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// Whether other machines may reach it. A name other than `localhost` may mean any address.
    var isReachableFromElsewhere: Bool {
        guard case .port(let host, _) = self, host != "localhost" else { return false }
        return (try? SocketAddress(ipAddress: host, port: 0))?.isLoopback != true
    }
}
