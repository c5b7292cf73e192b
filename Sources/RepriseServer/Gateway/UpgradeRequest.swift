// What a connect request says, and whether it is let in. Pure: no channel, no clock.

internal import NIOHTTP1
internal import Reprise

/// The path and query of a request target.
struct RequestTarget: Equatable {
    /// What is between `://` and the path, in the absolute form; `nil` in every other.
    var authority: String?
    /// The path before `?`, as it came.
    var path: String
    /// What is after `?`, without it; empty where there is none.
    var query: String

    init(_ uri: String) {
        var rest = uri[...]
        // The absolute form is for proxies, and a server must take it too (RFC 9112 §3.2.2). The scheme says how the sender
        // thinks of us: some write `ws`, and behind a proxy that has the certificate it is not ours anyway.
        if let start = RequestTarget.endOfScheme(uri) {
            let end = uri[start...].firstIndex { $0 == "/" || $0 == "?" } ?? uri.endIndex
            authority = String(uri[start..<end])
            rest = uri[end...]
            if !rest.hasPrefix("/") { rest = "/" + rest }
        }
        let parts = rest.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        path = String(parts[0])
        query = parts.count > 1 ? String(parts[1]) : ""
    }

    /// Where the authority begins: behind `SCHEME://` (RFC 3986 §3.1).
    private static func endOfScheme(_ uri: String) -> String.Index? {
        guard let first = uri.first, first.isASCII, first.isLetter, let colon = uri.firstIndex(of: ":"),
            uri[..<colon].utf8.allSatisfy(isSchemeByte), uri[colon...].hasPrefix("://")
        else { return nil }
        return uri.index(colon, offsetBy: 3)
    }

    private static func isSchemeByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2D, 0x2E: true
        default: false
        }
    }

    /// The path's segments, each percent-decoded once; `nil` when one is not valid.
    var segments: [String]? {
        guard path.hasPrefix("/") else { return nil }
        var decoded: [String] = []
        for segment in path.dropFirst().split(separator: "/", omittingEmptySubsequences: false) {
            guard let text = RequestTarget.percentDecoded(segment) else { return nil }
            decoded.append(text)
        }
        if decoded.last == "" { decoded.removeLast() }  // a trailing slash
        return decoded
    }

    private static func percentDecoded(_ text: Substring) -> String? {
        guard text.utf8.contains(0x25) else { return String(text) }
        var bytes: [UInt8] = []
        var rest = text.utf8[...]
        while let byte = rest.popFirst() {
            guard byte == 0x25 else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexValue), let low = rest.popFirst().flatMap(hexValue) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }
}

/// Decides over requests to the socket's own path.
enum UpgradeRequest {
    /// Whether the request wants to become a WebSocket.
    static func wantsUpgrade(_ head: HTTPRequestHead) -> Bool {
        head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
    }

    /// Why the request cannot become a WebSocket, or `nil` when it can (RFC 6455 §4.2.1).
    static func refusal(of head: HTTPRequestHead) -> HTTPReply? {
        guard head.method == .GET, head.version == .http1_1 else {
            return .badRequest("A WebSocket handshake is an HTTP/1.1 GET")
        }
        guard wantsUpgrade(head) else {
            var reply = HTTPReply.error(.upgradeRequired, "UpgradeRequiredException", "Upgrade Required")
            reply.headers += [("Upgrade", "websocket"), ("Connection", "Upgrade")]
            return reply
        }
        guard head.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }) else {
            return .badRequest("The Connection header must contain Upgrade")
        }
        guard head.headers["sec-websocket-version"] == ["13"] else {
            var reply = HTTPReply.error(.upgradeRequired, "UpgradeRequiredException", "WebSocket version 13 is needed")
            reply.headers += [("Sec-WebSocket-Version", "13"), ("Upgrade", "websocket"), ("Connection", "Upgrade")]
            return reply
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, isKey(keys[0]) else {
            return .badRequest("Sec-WebSocket-Key must be the base64 of 16 bytes")
        }
        return nil
    }

    private static func isKey(_ key: String) -> Bool {
        let bytes = Array(key.utf8)
        guard bytes.count == 24, bytes.suffix(2) == [0x3D, 0x3D] else { return false }
        return bytes.dropLast(2).allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2B, 0x2F: true
            default: false
            }
        }
    }

    /// The fact that the log records when the connect is committed.
    static func connected(
        _ head: HTTPRequestHead, connection: ConnectionID, request: RequestID, sourceIP: String, stage: String,
        redacted: Set<String>
    ) -> Connected {
        Connected(
            connection: connection, request: request, sourceIP: sourceIP, host: head.headers.first(name: "host") ?? "",
            stage: stage, query: RequestTarget(head.uri).query,
            headers: head.headers.lazy
                .filter { !redacted.contains($0.name.lowercased()) }
                .map { Header(name: $0.name, value: $0.value) })
    }
}
