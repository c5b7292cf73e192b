import NIOCore
import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `A client that does not read` {
    private let folder = TemporaryFolder()
    private var configuration: ServerConfiguration

    init() {
        configuration = LiveServer.configuration(folder)
        configuration.ringBytesMax = 1 << 20
        configuration.closeTimeoutSeconds = 0.2
    }

    /// 16 KB as JSON text.
    private static func payload(_ index: Int) -> String {
        "\"\(index)-" + String(repeating: "x", count: 16_000) + "\""
    }

    @Test(arguments: [1, 2])
    func `is closed as slow, and the others miss nothing`(loopCount: Int) async throws {
        var configuration = configuration
        configuration.loopCount = loopCount
        let count = 450  // 7.2 MB: more than the sockets and the ring hold
        try await LiveServer.run(configuration) { server in
            _ = try server.connect(receiveBytes: 4096)
            let readers = try (0..<2).map { _ in try server.connect() }
            for index in 0..<count {
                try readers[0].broadcast(Self.payload(index))
                for reader in readers {
                    #expect(try reader.receive().text == Self.payload(index))
                }
            }
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        let slow = try #require(recording.connects.first)
        let end = try #require(recording.disconnect(of: slow.fact.connection))
        #expect(end.cause == .slowConsumer)
        #expect(end.code == .policyViolation)
        let through = try #require(end.deliveredThrough)
        #expect(through > slow.position)
        #expect(through < (recording.messages.last?.position ?? .zero))
        // What it was sent is the handshake and whole frames up to there, and at most a part of one more.
        let sent = recording.messages.filter { $0.position <= through }.map { Self.frameBytes($0.fact) }
        #expect(end.bytesSent >= UInt64(sent.reduce(0, +)))
        #expect(end.bytesSent < UInt64(sent.reduce(0, +) + 17_000))
        for (_, fact) in recording.connects.dropFirst() {
            #expect(recording.disconnect(of: fact.connection)?.cause == .shutdown)
        }
    }

    private static func frameBytes(_ message: Message) -> Int {
        // {"action":"onMessage","data":…}, of which … goes out behind a header of 4 bytes.
        message.body.readableBytes - 30 + 4
    }

    @Test func `gets every byte once it reads again`() async throws {
        var configuration = configuration
        configuration.ringBytesMax = 64 << 20
        let count = 400
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let sender = try server.connect()
            for index in 0..<count {
                try sender.broadcast(Self.payload(index))
                _ = try sender.receive()
            }
            for index in 0..<count { #expect(try slow.receive().text == Self.payload(index)) }
            try sender.broadcast("\"end\"")
            #expect(try slow.receive().text == "\"end\"")
        }
    }

    @Test func `and whose own replies pile up is the one that is closed`() async throws {
        var configuration = configuration
        configuration.ringBytesMax = 12 << 20
        configuration.engine.routes = try RouteTable(
            selectionExpression: .default,
            routes: [
                Route(key: "echo", action: .reply(.message)), Route(key: "onMessage", action: .broadcast(.data)),
            ])
        try await LiveServer.run(configuration) { server in
            // One is a little behind, and asks for nothing.
            let innocent = try server.connect(receiveBytes: 4096)
            let sender = try server.connect()
            for index in 0..<270 {
                try sender.broadcast(Self.payload(index))
                _ = try sender.receive()
            }
            // The other is far behind with what only it asked for.
            let greedy = try server.connect(receiveBytes: 4096)
            let echo = "{\"action\":\"echo\",\"x\":\"" + String(repeating: "x", count: 16_000) + "\"}"
            for _ in 0..<1200 { guard (try? greedy.say(echo)) != nil else { break } }
            for index in 0..<270 { #expect(try innocent.receive().text == Self.payload(index)) }
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        let causes = recording.connects.map { recording.disconnect(of: $0.fact.connection)?.cause }
        #expect(causes == [.shutdown, .shutdown, .slowConsumer])
    }

    @Test func `and is being closed when the server crashes is not said to have got everything`() async throws {
        var configuration = configuration
        configuration.closeTimeoutSeconds = 60  // the client is still being closed when the copy is taken
        let copy = folder.path + "/copy"
        let count = 450
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let sender = try server.connect()
            for index in 0..<count {
                try sender.broadcast(Self.payload(index))
                _ = try sender.receive()
            }
            // A checkpoint is due after these, and stored with the last.
            for index in 0..<1100 { try sender.broadcast("\(index)") }
            for _ in 0..<1100 { _ = try sender.receive() }
            try sender.broadcast("1")
            _ = try sender.receive()
            try server.copyData(to: copy)
            slow.reset()
            try sender.close(1000)
            _ = try sender.receiveClose()
        }
        var second = configuration
        second.dataPath = copy
        try await LiveServer.run(second) { _ in }
        let recording = try Recording(copy)
        #expect(recording.contradictions == [])
        let slow = try #require(recording.connects.first?.fact.connection)
        let end = try #require(recording.disconnect(of: slow))
        #expect(end.cause == .crash)
        #expect(end.deliveredAtLeast ?? .zero < recording.messages[count - 1].position)
        let other = try #require(recording.connects.last?.fact.connection)
        #expect(recording.disconnect(of: other)?.deliveredAtLeast ?? .zero > recording.messages[count - 1].position)
    }

    @Test func `and gets targeted frames between broadcasts gets them in order`() async throws {
        var configuration = configuration
        configuration.ringBytesMax = 64 << 20
        configuration.engine.routes = try RouteTable(
            selectionExpression: .default,
            routes: [
                Route(key: "echo", action: .reply(.message)), Route(key: "onMessage", action: .broadcast(.data)),
            ])
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let sender = try server.connect()
            startThread {
                for index in 0..<300 {
                    try? sender.broadcast(Self.payload(index))
                    guard (try? sender.receive()) != nil else { return }
                }
            }
            startThread { for index in 0..<300 { try? slow.say("{\"action\":\"echo\",\"n\":\(index)}") } }
            var broadcasts: [String] = []
            var echoes: [String] = []
            while broadcasts.count < 300 || echoes.count < 300 {
                let text = try slow.receive().text
                if text.hasPrefix("{") { echoes.append(text) } else { broadcasts.append(text) }
            }
            #expect(broadcasts == (0..<300).map(Self.payload))
            #expect(echoes == (0..<300).map { "{\"action\":\"echo\",\"n\":\($0)}" })
        }
        let recording = try Recording(configuration.dataPath)
        #expect(try recording.replay().allSatisfy { $0.divergence == nil })
    }
}
