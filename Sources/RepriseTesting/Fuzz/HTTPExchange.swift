// A whole server in memory, and one socket of it that is not a WebSocket yet.

internal import Logging
internal import NIOCore
internal import NIOEmbedded
internal import Reprise
internal import RepriseServer

/// What a server answers to the bytes of one client, and what it writes into its log meanwhile.
struct HTTPExchange: Equatable {
    /// One response as it went out.
    struct Reply: Equatable {
        var status: Int
        /// In order; names in lower case.
        var headers: [(name: String, value: String)]
        var body: String

        subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

        /// Whether it says this of the connection.
        func says(_ option: String) -> Bool { headers.contains { $0.name == "connection" && $0.value == option } }

        static func == (one: Reply, other: Reply) -> Bool {
            one.status == other.status && one.body == other.body
                && one.headers.elementsEqual(other.headers) { $0 == $1 }
        }
    }

    /// Up to and with the 101 that ends HTTP.
    var replies: [Reply] = []
    /// Whether the server left the socket open.
    var isOpen = false
    /// What the log says of messages that were posted.
    var sent: [Event] = []

    /// Serves one client, who sends `pieces` one after the other and then leaves; then ends the session.
    ///
    /// The server's clock stands still and its randomness is drawn from a seed: equal pieces have equal answers.
    ///
    /// - Throws: `FuzzFinding` where an answer is not HTTP, or the server does not end.
    init(_ pieces: [ByteBuffer]) throws {
        let folder = TemporaryFolder()
        var configuration = ServerConfiguration()
        configuration.dataPath = folder.path
        configuration.durability = .never
        configuration.connectionsMax = 8
        configuration.logBytes = 32 << 20
        let sockets = SocketPair()
        defer { sockets.close() }
        let bits = SharedGenerator(seed: 1)
        let machine = Machine(
            clock: { Timestamp(rawValue: 1_700_000_000_000_000_000) }, random: { bits.next() }, bootID: "boot",
            name: "fuzzed", batchesSends: false, socketOwner: { _, _ in .trusted },
            descriptor: { [mine = sockets.mine] _ in mine })
        let loop = EmbeddedEventLoop()
        let starting = try RunningServer.start(
            configuration, machine: machine, loops: .init(sockets: [loop], disk: loop, reader: loop),
            logger: Logger(label: "fuzz") { _ in SwiftLogNoOpLogHandler() }, onFailure: { _ in })
        loop.run()
        let server = try starting.wait()
        try serve(pieces, server, loop, sockets)
        sent = try server.log.events().filter { if case .sent = $0.fact { true } else { false } }
        try end(server, loop)
    }

    /// - Parameter sockets: where a connection sends to, past its channel.
    private mutating func serve(
        _ pieces: [ByteBuffer], _ server: RunningServer, _ loop: EmbeddedEventLoop, _ sockets: SocketPair
    ) throws {
        let channel = EmbeddedChannel(loop: loop)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 50_000)
        try channel.connect(to: address).wait()
        channel.remoteAddress = address
        try server.equip(channel)
        for piece in pieces where channel.isActive {
            _ = try? channel.writeInbound(piece)  // what it throws was caught in the pipeline, and answered there
            loop.run()
        }
        isOpen = channel.isActive
        while let bytes = try channel.readOutbound(as: ByteBuffer.self) {
            try expect(replies.last?.says("close") != true, "a response follows one that closes")
            replies.append(try Reply(bytes))
        }
        // The 101 is sent past the channel, and what the connection sends as a WebSocket behind it.
        let sent = ByteBuffer(bytes: sockets.received())
        if let end = sent.readableBytesView.firstRange(of: "\r\n\r\n".utf8)?.upperBound,
            let handshake = sent.getSlice(at: 0, length: end)
        {
            replies.append(try Reply(handshake))
        }
        if replies.last?.says("close") == true { try expect(!isOpen, "a response said that it closes, and did not") }
        _ = try? channel.finish()
        loop.run()
    }

    private func end(_ server: RunningServer, _ loop: EmbeddedEventLoop) throws {
        try expect(server.members.isEmpty && server.projected.isEmpty, "a connection is left whose client has gone")
        var hasEnded = false
        let ending = server.end(drain: .zero, closeTimeout: .seconds(1), hurry: Hurry())
        ending.assumeIsolated().whenComplete { _ in hasEnded = true }
        loop.run()
        try expect(hasEnded, "the session does not end")
        try ending.wait()
        try server.log.events().last.map { last in
            try expect(last.fact == .sessionEnded(.shutdown), "the session ends with \(last)")
        }
        let taken = server.abandon()
        loop.run()
        try taken.wait()
        try loop.syncShutdownGracefully()  // its tasks hold the server, and it holds its tasks
    }
}

extension HTTPExchange.Reply {
    /// Reads a response that was written in one piece, and holds it against RFC 9112 §4 and §5.
    init(_ bytes: ByteBuffer) throws(FuzzFinding) {
        let text = String(buffer: bytes)
        let halves = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2 else { throw FuzzFinding("no end of the head in \(text)") }
        var lines = halves[0].split(separator: "\r\n", omittingEmptySubsequences: false)
        let first = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard first.count == 3, first[0] == "HTTP/1.1", let status = Int(first[1]), (100...599).contains(status) else {
            throw FuzzFinding("no status line: \(text)")
        }
        headers = []
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), line[colon...].hasPrefix(": "), !line.hasPrefix(":"),
                line.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { throw FuzzFinding("no header field: \(line)") }
            headers.append((line[..<colon].lowercased(), String(line[colon...].dropFirst(2))))
        }
        (self.status, body) = (status, String(halves[1]))
        guard status >= 200 else { return }
        try expect(self["date"] != nil && self["x-amzn-requestid"] != nil, "a response without date or id: \(text)")
        let length = self["content-length"].flatMap { Int($0) }
        try expect(
            status == 204 ? length == nil && body.isEmpty : body.isEmpty || length == body.utf8.count,
            "the length of the body is not what is said: \(text)")
    }
}
