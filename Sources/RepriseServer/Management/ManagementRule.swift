// Who may call the management API. To be on loopback says little: a reverse proxy on this machine, its other users, and pages
// in their browsers are on loopback too.

internal import NIOCore
internal import NIOHTTP1

/// Decides over a call by its head and its socket, before a byte of its body is kept.
///
/// One caller cannot be told apart: a proxy that runs as the server's own user, speaks HTTP/1.1, says nothing of itself and
/// passes on a `Host` of this machine.
struct ManagementRule: Sendable {
    /// Whether callers from everywhere are taken.
    private let isOpen: Bool
    /// The names under which this server is known beside `localhost` and its addresses, in lower case.
    private let domainNames: Set<String>
    /// Lets callers in from everywhere who show one of its tokens.
    private let tokenFile: AdminTokenFile?

    init(isOpen: Bool, domainNames: [String], tokenFile: AdminTokenFile? = nil) {
        self.isOpen = isOpen
        self.tokenFile = tokenFile
        self.domainNames = Set(domainNames.map { $0.lowercased() })
    }

    /// Who calls.
    struct Caller {
        var address: SocketAddress?
        var listener = Listener.main
        /// Asks the kernel whose socket it is; asked last.
        var owner: () -> SocketOwner
    }

    /// Why a call is refused, with the flag that would change that.
    enum Refusal: Equatable {
        case forbidden(String)
        /// A token would let the caller in, or another than the one that was shown.
        case unauthorized(String)

        var reply: HTTPReply {
            switch self {
            case .forbidden(let reason): .forbidden(reason)
            case .unauthorized(let reason): .unauthorized(reason)
            }
        }
    }

    /// - Returns: `nil` for a call that is taken.
    func refusal(of head: HTTPRequestHead, from caller: Caller) -> Refusal? {
        let hosts = head.headers["host"]
        // Asked only where it matters: for an address that is not loopback the system lists its interfaces.
        lazy var isOwnHost = hosts.count == 1 && isOwn(host: HostName(authority: hosts[0]))
        // Also where every caller is taken: the browser of somebody who may reach the server is no way in for a page.
        if let reason = refusalOfPage(head.headers, isOwnHost: isOwnHost, hosts) { return .forbidden(reason) }
        let tokens = tokenFile?.tokens
        switch tokens?.credential(in: head.headers) {
        case .role(let role)?:
            if role.allows(head.method) { return nil }
            return .forbidden("The token has the role \(role), and this call takes one with operate (--admin-token)")
        case .wrong?: return .unauthorized("The token is none of --admin-token")
        case .absent?, nil: break
        }
        guard let reason = refusalOfStranger(head, caller, isOwnHost: isOwnHost) else { return nil }
        guard tokens != nil else { return .forbidden(reason) }
        return .unauthorized(reason + ". Authorization: Bearer with a token of --admin-token is taken from everywhere")
    }

    /// For callers who show no token.
    private func refusalOfStranger(
        _ head: HTTPRequestHead, _ caller: Caller, isOwnHost: @autoclosure () -> Bool
    ) -> String? {
        // The mode of the file has decided already: no proxy, page or other user opens it.
        if isOpen || caller.listener == .adminFile { return nil }
        let remedy = "; --management-open lets every caller in"
        guard let address = caller.address, address.isLoopback else {
            return "The management API answers callers on this machine" + remedy
        }
        if let name = proxyHeader(in: head.headers) {
            return "The header \(name) says that a proxy passes this call on" + remedy
        }
        guard head.version == .http1_1 else {
            return "HTTP/1.0 is what proxies speak that do not say that they are there" + remedy
        }
        guard isOwnHost() else {
            return "The Host header names no address of this server; --domain-name says which other names are its own"
        }
        switch caller.owner() {
        case .trusted: return nil
        case .other(let user):
            return "The caller runs as user \(user), and this server does not" + remedy
        case .unknown: return "The kernel does not say which user calls" + remedy
        }
    }

    /// A browser says from which page a call comes.
    private func refusalOfPage(
        _ headers: HTTPHeaders, isOwnHost: @autoclosure () -> Bool, _ hosts: [String]
    ) -> String? {
        let isOwnSite = headers["sec-fetch-site"].allSatisfy { ["same-origin", "none"].contains($0.lowercased()) }
        let isOwnOrigin = headers["origin"].allSatisfy { origin in
            let parts = origin.lowercased().split(separator: "://", maxSplits: 1)
            return isOwnHost() && parts.count == 2 && ["http", "https"].contains(parts[0])
                && parts[1] == hosts[0].lowercased()
        }
        if isOwnSite, isOwnOrigin { return nil }
        return
            "The header \(isOwnSite ? "Origin" : "Sec-Fetch-Site") says that a page of another origin makes this call; "
            + "--domain-name says which names are this server's own"
    }

    private func proxyHeader(in headers: HTTPHeaders) -> String? {
        headers.lazy.map(\.name).first { name in
            let name = name.lowercased()
            return ["forwarded", "via", "x-real-ip"].contains(name) || name.hasPrefix("x-forwarded-")
        }
    }

    private func isOwn(host: HostName) -> Bool {
        host.text == "localhost" || domainNames.contains(host.text) || host.isAddressOfThisMachine
    }
}

/// The host of an authority, without its port; in lower case.
struct HostName: Equatable {
    let text: String

    /// Reads `example.com`, `example.com:8080`, `127.0.0.1:8080` or `[::1]:8080` (RFC 3986 §3.2.2).
    init(authority: String) {
        let authority = authority.lowercased()
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") {
            text = String(authority[authority.index(after: authority.startIndex)..<end])
        } else {
            text = String(authority.prefix { $0 != ":" })
        }
    }

    /// Whether a text is a host with or without a port, as RFC 9110 §7.2 has it. An empty one is: a client whose target has no
    /// host must say so in this way.
    static func isValid(authority: String) -> Bool {
        var rest = authority.utf8[...]
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return false }
            let address = String(decoding: rest[..<end].dropFirst(), as: UTF8.self)
            guard address.contains(":"), (try? SocketAddress(ipAddress: address, port: 0)) != nil else { return false }
            rest = rest[end...].dropFirst()
        } else {
            let name = rest.prefix { $0 != UInt8(ascii: ":") }
            guard isRegisteredName(name) else { return false }
            rest = rest[name.endIndex...]
        }
        guard let colon = rest.popFirst() else { return true }
        return colon == UInt8(ascii: ":") && rest.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// RFC 3986 §3.2.2: letters, digits and some marks, or bytes as `%` and two digits.
    private static func isRegisteredName(_ name: Substring.UTF8View) -> Bool {
        var rest = name
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard rest.count >= 2, rest.prefix(2).allSatisfy(isHexDigit) else { return false }
                rest = rest.dropFirst(2)
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                continue
            default:
                guard "-._~!$&'()*+,;=".utf8.contains(byte) else { return false }
            }
        }
        return true
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool { Character(UnicodeScalar(byte)).isHexDigit }

    /// A page cannot have an address of another machine as its host and reach this one, so any of this machine's is its own.
    var isAddressOfThisMachine: Bool {
        guard let address = try? SocketAddress(ipAddress: text, port: 0) else { return false }
        if address.isLoopback { return true }
        let own = (try? System.enumerateDevices().compactMap { $0.address?.ipAddress }) ?? []
        return own.contains { $0 == address.ipAddress }
    }
}
