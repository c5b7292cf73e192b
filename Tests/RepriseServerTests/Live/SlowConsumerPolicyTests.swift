import Glibc
import NIOCore
import Reprise
import RepriseTesting
import Synchronization
import Testing

@testable import RepriseServer

@Suite struct `A client that stops reading and reads again` {
    private let folder = TemporaryFolder()
    private static let count = 450  // 7.2 MB: more than the sockets and the ring hold

    private func configuration(_ policy: SlowConsumerPolicy, loops: Int) -> ServerConfiguration {
        var configuration = LiveServer.configuration(folder)
        configuration.ringBytesMax = 256 << 10
        configuration.slowConsumerPolicy = policy
        configuration.loopCount = loops
        return configuration
    }

    private static func payload(_ index: Int) -> String {
        "\"\(index)-" + String(repeating: "x", count: 16_000) + "\""
    }

    private static func index(_ frame: LiveFrame) -> Int? {
        frame.opcode == 1 ? Int(frame.text.dropFirst().prefix { $0 != "-" }) : nil
    }

    /// Broadcasts, and to the client that does not read a frame of its own after every tenth. When it returns, the
    /// others have received everything: the ring has given up what the slow one needs.
    private static func fill(_ server: LiveServer, _ sender: LiveClient, slow: String) throws {
        for index in 0..<count {
            try sender.broadcast(payload(index))
            #expect(try sender.receive().text == payload(index))
            if index % 10 == 0 {
                let reply = try server.request("POST", "/dev/@connections/\(slow)", body: "mine \(index)")
                #expect(reply.status == 200)
            }
        }
    }

    /// The id of a client's connection: an error frame tells it.
    private static func id(of client: LiveClient) throws -> String {
        try client.say("which am I?")
        let reply = try client.receive().text
        let start = try #require(reply.firstRange(of: "\"connectionId\":\"")?.upperBound)
        return String(reply[start...].prefix(16))
    }

    /// What the log addressed to a connection, in order: positions and texts. Not the error frame that told its id.
    private static func offered(_ recording: Recording, to connection: ConnectionID) -> [(Position, String)] {
        let open = recording.connects.first { $0.fact.connection == connection }?.position ?? .zero
        return recording.events.filter { $0.position > open }.compactMap { event in
            switch event.fact {
            case .message(let message) where message.outcome == .route("onMessage"):
                (event.position, String(String(buffer: message.body).dropFirst(29).dropLast()))
            case .sent(let sent): (event.position, String(buffer: sent.body))
            default: nil
            }
        }
    }

    @Test(arguments: [1, 2])
    func `is sent everything when it catches up`(loops: Int) async throws {
        let configuration = configuration(.catchUp, loops: loops)
        let texts = try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let id = try Self.id(of: slow)
            let sender = try server.connect()
            try Self.fill(server, sender, slow: id)
            try slow.send(LiveClient.frame(9, Array("are you there".utf8)))
            var pongs = 0
            var texts: [String] = []
            while texts.count < Self.count + Self.count / 10 {
                let frame = try slow.receive()
                if frame.opcode == 10 { pongs += 1 } else { texts.append(frame.text) }
            }
            for index in 0..<3 {
                try sender.broadcast("\(index)")
                texts.append(try slow.receive().text)
            }
            #expect(pongs == 1)
            return texts
        }
        let recording = try Recording(configuration.dataPath)
        let slow = try #require(recording.connects.first?.fact.connection)
        #expect(texts == Self.offered(recording, to: slow).map(\.1))
        #expect(recording.contradictions == [])
        #expect(recording.disconnects.map(\.fact.cause) == [.shutdown, .shutdown])
        #expect(recording.skips.isEmpty)
        #expect(
            recording.disconnects.allSatisfy {
                $0.fact.deliveredThrough ?? .zero >= recording.messages.last?.position ?? .zero
            })
        #expect(try recording.replay().allSatisfy { $0.divergence == nil })
    }

    @Test func `ends cleanly while it catches up`() async throws {
        var configuration = configuration(.catchUp, loops: 1)
        configuration.closeTimeoutSeconds = 60  // a busy machine may need long for all that is before the Close
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let id = try Self.id(of: slow)
            let sender = try server.connect()
            try Self.fill(server, sender, slow: id)
            for index in 0..<350 { if index % 10 == 0 { _ = try slow.receive() } }
            try slow.close(4001, "enough")
            #expect(try slow.receiveClose() == 4001)
            try sender.close()
            _ = try sender.receiveClose()
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        let slow = try #require(recording.connects.first)
        let end = try #require(recording.disconnect(of: slow.fact.connection))
        #expect(end.cause == .client)
        let through = try #require(end.deliveredThrough)
        #expect(through > slow.position && through < recording.messages.last?.position ?? .zero)
        // What it was sent is exactly what it was offered up to there, and the error frame that told its id.
        let offered = Self.offered(recording, to: slow.fact.connection).filter { $0.0 <= through }
        let told = "{\"message\": \"Forbidden\", \"connectionId\":\"\", \"requestId\":\"\"}".utf8.count + 2 * 16 + 2
        let bytes = offered.reduce(told) { $0 + $1.1.utf8.count + ($1.1.utf8.count < 126 ? 2 : 4) }
        #expect(end.bytesSent == UInt64(bytes + 4 + "enough".utf8.count))
    }

    @Test(arguments: [1, 2])
    func `has skipped what the log says it has, and is sent the rest`(loops: Int) async throws {
        let configuration = configuration(.skip, loops: loops)
        let received = Mutex<[String]>([])
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let id = try Self.id(of: slow)
            let sender = try server.connect()
            try Self.fill(server, sender, slow: id)
            startThread {
                while let frame = try? slow.receive(), frame.opcode == 1 { received.withLock { $0.append(frame.text) } }
            }
            // It is in the present again once it is sent what was not there before.
            var index = Self.count
            while !received.withLock({ $0.contains { $0.hasPrefix("\"tick") } }) {
                try sender.broadcast("\"tick \(index)\"")
                _ = try sender.receive()
                index += 1
            }
            for number in 0..<3 {
                try sender.broadcast("\"last \(number)\"")
                _ = try sender.receive()
            }
            while received.withLock({ $0.last }) != "\"last 2\"" { sched_yield() }
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        let slow = try #require(recording.connects.first?.fact.connection)
        #expect(recording.skips.count == 1)
        #expect(recording.skips.allSatisfy { $0.connection == slow })
        let offered = Self.offered(recording, to: slow)
        let skipped = offered.filter { offer in
            recording.skips.contains { $0.first <= offer.0 && offer.0 <= $0.last }
        }
        #expect(skipped.count > 50)
        let texts = received.withLock { $0 }
        #expect(texts.count + skipped.count == offered.count)
        let rest = offered.filter { offer in !skipped.contains { $0.0 == offer.0 } }
        #expect(texts == rest.map(\.1))
        #expect(recording.disconnects.map(\.fact.cause) == [.shutdown, .shutdown])
        #expect(try recording.replay().allSatisfy { $0.divergence == nil })
        var verifier = try LogVerifier(recording.log)
        _ = try verifier.run()
    }

    @Test func `is closed while it skips: the gap is recorded before its close`() async throws {
        let configuration = configuration(.skip, loops: 1)
        try await LiveServer.run(configuration) { server in
            let slow = try server.connect(receiveBytes: 4096)
            let id = try Self.id(of: slow)
            let sender = try server.connect()
            try Self.fill(server, sender, slow: id)
            slow.reset()
            try sender.close(1000)
            _ = try sender.receiveClose()
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        let slow = try #require(recording.connects.first)
        let gap = try #require(recording.skips.first)
        #expect(recording.skips.count == 1 && gap.connection == slow.fact.connection)
        let end = try #require(recording.disconnect(of: slow.fact.connection))
        #expect(end.cause == .lost)
        let through = try #require(end.deliveredThrough)
        #expect(through > slow.position && through < gap.first)
        #expect(gap.last == Self.offered(recording, to: slow.fact.connection).last?.0)
        // The message in flight is neither delivered nor skipped.
        let cutOff = Self.offered(recording, to: slow.fact.connection).filter { $0.0 > through && $0.0 < gap.first }
        #expect(cutOff.count == 1)
        var verifier = try LogVerifier(recording.log)
        _ = try verifier.run()
    }
}

extension Recording {
    var skips: [Skipped] {
        events.compactMap { if case .skipped(let fact) = $0.fact { fact } else { nil } }
    }
}
