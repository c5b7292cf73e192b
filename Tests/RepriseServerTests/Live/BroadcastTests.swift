import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `A live server` {
    private let folder = TemporaryFolder()
    private var configuration: ServerConfiguration

    init() { configuration = LiveServer.configuration(folder) }

    private func recording() throws -> Recording { try Recording(configuration.dataPath) }

    @Test func `sends a broadcast to everyone, the sender included`() async throws {
        try await LiveServer.run(configuration) { server in
            let first = try server.connect()
            let second = try server.connect("/dev/?room=1")
            try first.say(#"{"action":"onMessage","data":{"hello":"world","n":1.0}}"#)
            let expected = LiveFrame(opcode: 1, isFinal: true, payload: Array(#"{"hello":"world","n":1}"#.utf8))
            #expect(try first.receive() == expected)
            #expect(try second.receive() == expected)
        }
        let recording = try recording()
        #expect(recording.contradictions == [])
        #expect(recording.messages.count == 1)
        #expect(recording.connects.map(\.fact.query) == ["", "room=1"])
        #expect(recording.disconnects.map(\.fact.cause) == [.shutdown, .shutdown])
    }

    @Test(arguments: [1, 2, 4])
    func `gives everyone one order, and the log replays to the same digests`(loopCount: Int) async throws {
        var configuration = configuration
        configuration.loopCount = loopCount
        let orders = try await LiveServer.run(configuration) { server in
            let clients = try (0..<6).map { _ in try server.connect() }
            for index in 0..<300 {
                for sender in 0..<3 { try clients[sender].broadcast("\"\(sender)-\(index)\"") }
                if index % 50 == 0 { try clients[5].say("not json") }
            }
            let orders = try clients.prefix(5).map { client in try (0..<900).map { _ in try client.receive().text } }
            try clients[0].close(1000)
            #expect(try clients[0].receiveClose() == 1000)
            return orders
        }
        #expect(Set(orders).count == 1)
        for sender in 0..<3 {
            #expect(
                orders[0].filter { $0.hasPrefix("\"\(sender)-") } == (0..<300).map { "\"\(sender)-\($0)\"" })
        }

        let recording = try recording()
        #expect(recording.contradictions == [])
        #expect(recording.messages.count == 906)
        let report = try #require(try recording.replay().first)
        let last = try #require(recording.checkpoints.last)
        #expect(report.divergence == nil)
        #expect(report.checkpointsVerified == recording.checkpoints.count)
        #expect(last.position == recording.events.last?.position)
        #expect(report.digest == last.digest)
        #expect(report.deliveries == last.deliveries)
        #expect(report.memberSet == 0)
        guard case .sessionEnded(.shutdown)? = recording.events.last?.fact else {
            Issue.record("the log ends with \(String(describing: recording.events.last))")
            return
        }
    }

    @Test func `closes everyone with 1001 when it stops, and records how far each got`() async throws {
        var configuration = configuration
        configuration.loopCount = 2
        try await LiveServer.run(configuration) { server in
            let clients = try (0..<4).map { _ in try server.connect() }
            try clients[0].broadcast("1")
            for client in clients { _ = try client.receive() }
            for client in clients { try client.broadcast("2") }
            for client in clients { for _ in clients { _ = try client.receive() } }
            // Clients answer the Close on threads of their own, while the server stops.
            for client in clients {
                startThread {
                    guard let code = try? client.receiveClose() else { return }
                    try? client.close(code)
                }
            }
        }
        let recording = try recording()
        #expect(recording.contradictions == [])
        let lastMessage = try #require(recording.messages.last?.position)
        for (_, fact) in recording.disconnects {
            #expect(fact.cause == .shutdown)
            #expect(fact.code == .goingAway)
            #expect(fact.deliveredThrough ?? .zero >= lastMessage)
        }
        #expect(recording.disconnects.count == 4)
    }

    @Test(arguments: [(1000, "bye"), (4711, ""), (3000, "because")] as [(UInt16, String)])
    func `echoes the client's close code and ends the socket`(code: UInt16, reason: String) async throws {
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            try client.close(code, reason)
            let frame = try client.receive()
            #expect(frame.opcode == 8)
            #expect(frame.closeCode == code)
            #expect(try client.isAtEnd())
        }
        let fact = try #require(try recording().disconnects.first?.fact)
        #expect(fact.cause == .client)
        #expect(fact.code == CloseCode(rawValue: code))
        #expect(fact.reason == reason)
    }

    @Test func `answers a Close without a code with one`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            try client.close()
            #expect(try client.receive() == LiveFrame(opcode: 8, isFinal: true, payload: []))
            #expect(try client.isAtEnd())
        }
        #expect(try recording().disconnects.first?.fact.code == .noStatus)
    }

    @Test func `answers pings between frames`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            try client.send(LiveClient.frame(9, Array("abc".utf8)))
            #expect(try client.receive() == LiveFrame(opcode: 10, isFinal: true, payload: Array("abc".utf8)))
        }
    }

    @Test(
        arguments: [
            (LiveClient.frame(2, [1]), 1003), (LiveClient.frame(1, [0xFF]), 1007), (LiveClient.frame(3, []), 1002),
            (LiveClient.frame(1, [UInt8](repeating: 0x61, count: 32_769)), 1009), ([0x81, 0x01, 0x61], 1002),
        ] as [([UInt8], UInt16)])
    func `closes a client that breaks the rules with the code for it`(bytes: [UInt8], code: UInt16) async throws {
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            try client.send(bytes)
            #expect(try client.receiveClose() == code)
            #expect(try client.isAtEnd())
        }
        let recording = try recording()
        #expect(recording.disconnects.first?.fact.cause == .protocol)
        #expect(recording.messages.isEmpty)
    }

    @Test func `gives the sender of a wrong message the error frame`() async throws {
        let texts = try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            try client.say("no json")
            try client.say("[1]")
            return [try client.receive().text, try client.receive().text]
        }
        let recording = try recording()
        let connection = try #require(recording.connects.first?.fact.connection)
        let requests = recording.messages.map(\.fact.request)
        #expect(
            texts
                == zip(["Forbidden", "Bad request body"], requests).map { message, request in
                    "{\"message\": \"\(message)\", \"connectionId\":\"\(connection)\", \"requestId\":\"\(request)\"}"
                })
    }

    @Test func `records a client that vanishes as lost`() async throws {
        try await LiveServer.run(configuration) { server in
            try server.connect().reset()
            let other = try server.connect()
            try other.broadcast("1")
            _ = try other.receive()
            try server.connect().endOutput()
        }
        let recording = try recording()
        #expect(recording.contradictions == [])
        #expect(recording.disconnects.first?.fact.cause == .lost)
        #expect(recording.disconnects.first?.fact.code == .abnormal)
    }

    @Test func `closes silent and old connections with 1001`() async throws {
        var configuration = configuration
        configuration.idleTimeoutSeconds = 0.05
        try await LiveServer.run(configuration) { server in
            let code = try server.connect().receiveClose()
            #expect(code == 1001)
        }
        #expect(try recording().disconnects.first?.fact.cause == .idle)
    }

    @Test func `closes connections at the end of their lifetime with 1001`() async throws {
        var configuration = configuration
        configuration.lifetimeSeconds = 0.05
        try await LiveServer.run(configuration) { server in
            let code = try server.connect().receiveClose()
            #expect(code == 1001)
        }
        #expect(try recording().disconnects.first?.fact.cause == .lifetime)
    }

    @Test func `loses nothing under back-pressure, and does not stand still`() async throws {
        var configuration = configuration
        configuration.inFlightBytesMax = 2000
        configuration.loopCount = 2
        try await LiveServer.run(configuration) { server in
            let receiver = try server.connect()
            let senders = try (0..<4).map { _ in try server.connect() }
            for sender in senders {
                startThread {
                    for index in 0..<500 { try? sender.broadcast("\(index)") }
                }
            }
            for sender in senders {
                startThread { for _ in 0..<2000 where (try? sender.receive()) == nil { return } }
            }
            var counts: [String: Int] = [:]
            for _ in 0..<2000 { counts[try receiver.receive().text, default: 0] += 1 }
            #expect(counts.count == 500)
            #expect(counts.values.allSatisfy { $0 == 4 })
        }
        #expect(try recording().messages.count == 2000)
    }
}
