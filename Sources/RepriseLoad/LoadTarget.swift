/// Where a run connects to, from a `ws://` or `wss://` URL.
struct LoadTarget: Equatable, Sendable {
    /// IPv4 address in host order.
    var address: UInt32
    var port: UInt16
    /// `host:port`, as the `Host` header wants it.
    var authority: String
    /// Path and query, beginning with `/`.
    var path: String
    /// Whether the connection is TLS.
    var isSecure = false

    /// Clients per source address: below the 28 232 ports that Linux gives out.
    static let clientsPerSource = 25_000

    /// - Parameter allowsTLS: whether the caller can speak it.
    /// - Throws: ``LoadError/invalidPlan(_:)`` if the URL is not `ws://host[:port][/path][?query]`, or the same with
    ///   `wss://` where that is allowed, or the host has no IPv4 address.
    init(url: String, allowsTLS: Bool = false) throws(LoadError) {
        isSecure = allowsTLS && url.hasPrefix("wss://")
        guard isSecure || url.hasPrefix("ws://") else {
            throw .invalidPlan("the URL must begin with ws://\(allowsTLS ? " or wss://" : ""), unlike \(url)")
        }
        let rest = url.dropFirst(isSecure ? 6 : 5)
        let end = rest.firstIndex { $0 == "/" || $0 == "?" } ?? rest.endIndex
        let host: Substring
        let authority = rest[..<end]
        if let colon = authority.lastIndex(of: ":") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else {
                throw .invalidPlan("the port in \(url) is not a number from 1 to 65535")
            }
            port = number
            host = authority[..<colon]
        } else {
            port = isSecure ? 443 : 80
            host = authority
        }
        guard !host.isEmpty, let address = LoadSocket.resolve(String(host)) else {
            throw .invalidPlan("the host in \(url) has no IPv4 address")
        }
        let path = rest[end...]
        self.address = address
        self.authority = String(authority)
        self.path = path.first == "/" ? String(path) : "/" + path
    }

    /// The same with a recorded query behind the path.
    func adding(query: String) -> LoadTarget {
        guard !query.isEmpty else { return self }
        var target = self
        target.path += (path.contains("?") ? "&" : "?") + query
        return target
    }

    /// The source address of a client, so that no address runs out of ports; 0 (the system's choice) if there is only one.
    func source(ofClient client: Int) -> UInt32 {
        let block = client / Self.clientsPerSource
        guard block > 0, address >> 24 == 127 else { return 0 }
        return 127 << 24 | UInt32(block + 1)
    }
}
