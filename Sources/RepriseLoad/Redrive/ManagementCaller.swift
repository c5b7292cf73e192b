/// Calls to a server's management API, one after the other over one connection.
struct ManagementCaller {
    /// An answer.
    struct Reply: Equatable {
        /// The HTTP status.
        var status: Int
        /// The head and the body, in bytes.
        var byteCount: Int
        /// Whether the server keeps the connection.
        var keepsConnection: Bool
    }

    /// A call under way.
    struct Call: Equatable {
        /// The step that it belongs to.
        var step: Int
        /// `POST` or `DELETE`.
        var method: String
    }

    /// The connection; −1 while there is none.
    var descriptor: Int32 = -1
    /// What is being asked for; nil while nothing is.
    private(set) var call: Call?
    private var outbound = OutboundBytes()
    private var answer: [UInt8] = []
    private var usedAt = 0
    private let path: String
    private let authority: String

    /// A connection that was idle for so many nanoseconds is not used again: the server may be closing it.
    static let idleMax = 1_000_000_000

    init(_ target: LoadTarget) {
        let end = target.path.firstIndex(of: "?") ?? target.path.endIndex
        var path = target.path[..<end]
        while path.hasSuffix("/") { path.removeLast() }
        self.path = path + "/@connections"
        authority = target.authority
    }

    /// Whether the next call needs a new connection.
    func needsConnection(now: Int) -> Bool { descriptor < 0 || now - usedAt > Self.idleMax }

    /// Queues a call.
    ///
    /// - Parameter id: the connection that it is about; nil for everyone.
    mutating func begin(_ call: Call, id: [UInt8]?, body: ArraySlice<UInt8>, now: Int) {
        precondition(self.call == nil, "a call is under way")
        self.call = call
        usedAt = now
        let id = id.map { "/" + $0.map { $0 == UInt8(ascii: "=") ? "%3D" : String(UnicodeScalar($0)) }.joined() } ?? ""
        outbound.queue { bytes in
            bytes += Array(
                "\(call.method) \(path)\(id) HTTP/1.1\r\nHost: \(authority)\r\nContent-Length: \(body.count)\r\n\r\n"
                    .utf8)
            bytes += body
        }
    }

    /// Hands over as much as the socket takes.
    ///
    /// - Returns: the error number with which the connection failed, if it did.
    mutating func flush() -> Int32? { outbound.flush(to: descriptor) }

    /// Takes bytes of the answer.
    ///
    /// - Returns: the answer, once it is whole; the call is over then.
    mutating func take(_ bytes: Span<UInt8>, now: Int) -> (Call, Reply)? {
        for index in bytes.indices { answer.append(bytes[index]) }
        guard let call, let reply = Self.reply(in: answer) else { return nil }
        answer.removeFirst(reply.byteCount)
        usedAt = now
        self.call = nil
        if !reply.keepsConnection { close() }
        return (call, reply)
    }

    /// Closes the connection.
    mutating func close() {
        if descriptor >= 0 { LoadSocket.close(descriptor) }
        descriptor = -1
        answer = []
    }

    /// Reads an answer, if it is whole. One that is no HTTP has status 0.
    static func reply(in bytes: [UInt8]) -> Reply? {
        guard let headBytes = UpgradeHandshake.headBytes(bytes) else { return nil }
        let head = bytes[..<headBytes]
        let words = String(decoding: head.prefix { $0 != 13 }, as: UTF8.self).split(separator: " ")
        let status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        let length = UpgradeHandshake.value(of: "content-length", inHead: head).flatMap { Int($0) } ?? 0
        guard bytes.count >= headBytes + length else { return nil }
        let keeps = UpgradeHandshake.value(of: "connection", inHead: head)?.lowercased() != "close"
        return Reply(status: status, byteCount: headBytes + length, keepsConnection: keeps)
    }
}
