// What holds for every request, whatever it asks for. Pure: no channel, no clock.

internal import NIOHTTP1

/// The head of a request as it is meant, which is not quite as it came.
struct ReceivedHead {
    /// Field values have no blanks around them: these are no part of them (RFC 9110 §5.5).
    let head: HTTPRequestHead

    init(_ head: HTTPRequestHead) {
        self.head = head.withoutBlanks()
    }

    /// Why nobody can say which host is meant, or `nil` (RFC 9112 §3.2). Two parties on the way may each take another of two
    /// hosts, so this is asked before anything that depends on the host.
    var refusal: HTTPReply? {
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
    fileprivate func withoutBlanks() -> HTTPRequestHead {
        guard headers.contains(where: { $0.value.hasBlankEnds }) else { return self }
        var head = self
        head.headers = HTTPHeaders(headers.map { ($0.name, $0.value.withoutBlanks) })
        return head
    }
}

extension String {
    fileprivate var hasBlankEnds: Bool { utf8.first.map(isBlank) == true || utf8.last.map(isBlank) == true }

    fileprivate var withoutBlanks: String {
        guard let first = utf8.firstIndex(where: { !isBlank($0) }), let last = utf8.lastIndex(where: { !isBlank($0) })
        else { return "" }
        return String(decoding: utf8[first...last], as: UTF8.self)
    }
}

/// A space or a tab.
private func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
