// What comes over a socket before it is a WebSocket: management calls, health, handshakes.

internal import NIOCore

extension FuzzTarget {
    /// Requests, as many as the bytes hold, against a whole server in memory.
    static let http = FuzzTarget(
        name: "http",
        summary: "requests: every answer is HTTP, a post has one answer and one event, wherever the bytes are cut"
    ) { bytes in
        let whole = try HTTPExchange([bytes])
        let posted = whole.replies.count { $0.status == 200 && $0.body.hasPrefix(#"{"position":"#) }
        try expect(
            posted == whole.sent.count, "\(whole.sent.count) posts are in the log, and \(posted) were answered")
        if String(buffer: bytes).ranges(of: "HTTP/1.1").isEmpty {
            let isSaid = whole.replies.allSatisfy { $0.says("close") || $0.says("keep-alive") }
            try expect(isSaid, "with HTTP/1.0 nobody knows whether the connection is kept: \(whole)")
        }
        let lines = bytes.readableBytesView.count { $0 == 0x0A }
        let final = whole.replies.count { $0.status != 100 }
        try expect(final <= lines + 1, "\(final) answers to \(lines) lines")
        try expectProceedOnce(whole.replies.map(\.status), String(buffer: bytes))

        // Pieces of sizes that the bytes themselves decide.
        var rest = bytes
        var pieces: [ByteBuffer] = []
        for byte in bytes.readableBytesView {
            guard let piece = rest.readSlice(length: min(rest.readableBytes, Int(byte) % 40 + 1)) else { break }
            pieces.append(piece)
            if rest.readableBytes == 0 { break }
        }
        let cut = try HTTPExchange(pieces)
        try expect(cut == whole, "in one piece \(whole), in \(pieces.count) \(cut)")
    }

    /// A 100 comes where somebody expects it, and before a reply.
    private static func expectProceedOnce(_ statuses: [Int], _ text: String) throws(FuzzFinding) {
        guard statuses.contains(100) else { return }
        try expect(!text.lowercased().ranges(of: "expect").isEmpty, "100, and nobody expects it: \(text)")
        for (one, next) in zip(statuses, statuses.dropFirst()) where one == 100 {
            try expect(next != 100, "100 twice for one request: \(text)")
        }
    }
}
