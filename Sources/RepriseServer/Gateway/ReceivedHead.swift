// What holds for every request, whatever it asks for. Pure: no channel, no clock.

internal import NIOHTTP1

/// The head of a request as it is meant, which is not quite as it came.
struct ReceivedHead {
    /// Field values have no blanks around them: these are no part of them (RFC 9110 §5.5). Where the target is absolute,
    /// `Host` is the host of the target: what the header said is ignored (RFC 9112 §3.2.2), so rules, handshake and log do not
    /// see it at all.
    let head: HTTPRequestHead
    /// Why nobody can say which host is meant, or `nil` (RFC 9112 §3.2). Two parties on the way may each take another of two
    /// hosts, so this comes before everything that depends on the host.
    let refusal: HTTPReply?

    init(_ head: HTTPRequestHead) {
        var head = head.withoutBlanks()
        refusal = ReceivedHead.refusal(of: head) ?? head.takeHostOfTarget()
        self.head = head
    }

    private static func refusal(of head: HTTPRequestHead) -> HTTPReply? {
        let hosts = head.headers["host"]
        if hosts.count > 1 { return .badRequest("There is more than one Host header") }
        guard let host = hosts.first else {
            // Before HTTP/1.1 there was no such header.
            return head.version == .http1_0 ? nil : .badRequest("The Host header is missing")
        }
        return HostName.isValid(authority: host) ? nil : .badRequest("The Host header is not a host and its port")
    }
}

extension HTTPRequestHead {
    /// Whether the client wants to send another request behind this one (RFC 9112 §9.3).
    var persists: Bool {
        let options = headers[canonicalForm: "connection"].map { $0.lowercased() }
        if options.contains("close") { return false }
        return version != .http1_0 || options.contains("keep-alive")
    }

    fileprivate func withoutBlanks() -> HTTPRequestHead {
        guard headers.contains(where: { $0.value.hasBlankEnds }) else { return self }
        var head = self
        head.headers = HTTPHeaders(headers.map { ($0.name, $0.value.withoutBlanks) })
        return head
    }

    /// - Returns: why the target's host is none.
    fileprivate mutating func takeHostOfTarget() -> HTTPReply? {
        guard !uri.hasPrefix("/"), let authority = RequestTarget(uri).authority else { return nil }
        guard HostName.isValid(authority: authority), !HostName(authority: authority).text.isEmpty else {
            return .badRequest("The target names no host")
        }
        if headers.first(name: "host") != authority { headers.replaceOrAdd(name: "Host", value: authority) }
        return nil
    }
}

extension String {
    fileprivate var hasBlankEnds: Bool { utf8.first.map(isBlank) == true || utf8.last.map(isBlank) == true }

    /// Without spaces and tabs at its ends.
    var withoutBlanks: String {
        guard let first = utf8.firstIndex(where: { !isBlank($0) }), let last = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: utf8[first...last], as: UTF8.self)
    }
}

/// A space or a tab.
private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
