// What holds for every request, whatever it asks for. Pure: no channel, no clock.

internal import NIOHTTP1

/// The head of a request as it is meant, which is not quite as it came.
struct ReceivedHead {
    /// Field values have no blanks around them: these are no part of them (RFC 9110 §5.5).
    let head: HTTPRequestHead

    init(_ head: HTTPRequestHead) {
        self.head = head.withoutBlanks()
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
