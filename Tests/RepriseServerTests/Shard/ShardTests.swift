// One shard with its gateway and Recorder on an embedded loop, which runs when it is told to; the log is real.

import Glibc
import NIOCore
import NIOEmbedded
import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

/// A shard and everything around it, on one loop that a test turns by hand.
private final class Bench {
    let folder = TemporaryFolder()
    let loop = EmbeddedEventLoop()
    let shard: Shard
    let gateway: Gateway
    let recorder: Recorder
    let gate = LogGate()
    let inFlight: InFlight
    let count: ConnectionCount
    private var channels: [EmbeddedChannel] = []

    init(ringBytesMax: Int = 1 << 20) throws {
        var configuration = LiveServer.configuration(folder)
        configuration.engine.routes = try RouteTable(
            selectionExpression: .default,
            routes: [
                Route(key: "echo", action: .reply(.message)), Route(key: "onMessage", action: .broadcast(.data)),
            ])
        let startup = try Startup(configuration) { Timestamp(rawValue: 1) }
        shard = Shard(
            index: 0, eventLoop: loop, ringBytesMax: ringBytesMax, performedThrough: startup.firstPosition)
        inFlight = InFlight(bytesMax: configuration.inFlightBytesMax)
        count = ConnectionCount(limit: 2)
        recorder = Recorder(
            eventLoop: loop, startup: startup, configuration: configuration, gate: gate, inFlight: inFlight,
            observations: [shard.observation], clock: { Timestamp(rawValue: 1) }, onFailure: { _ in })
        recorder.start([shard])
        gateway = Gateway(
            shard: shard, configuration: configuration, recorder: recorder, gate: gate, inFlight: inFlight,
            connectionCount: count, clock: { Timestamp(rawValue: 1) })
        shard.start(gateway)
    }

    func finish() {
        for channel in channels { _ = try? channel.finish(acceptAlreadyClosed: true) }
        loop.run()
        shard.stop()
    }

    /// A connection whose connect intent is on its way. It has no descriptor: its channel is not a socket.
    func open() throws -> (Connection, EmbeddedChannel) {
        #expect(gateway.enterConnection())
        let connection = Connection(
            id: gateway.makeConnectionID(), gateway: gateway, handshake: ByteBuffer(string: "101"))
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        channels.append(channel)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        shard.add(connection)
        gateway.submit(
            .connected(
                Connected(
                    connection: connection.id, request: gateway.makeRequestID(), sourceIP: "127.0.0.1", host: "",
                    stage: "dev")))
        return (connection, channel)
    }

    func send(_ text: String, to target: SendTarget = .everyone) {
        gateway.submit(
            .sent(
                Sent(
                    request: gateway.makeRequestID(), target: target, opcode: .text, body: ByteBuffer(string: text))))
    }
}

/// Two connected sockets.
private struct SocketPair {
    let mine: CInt
    let peer: CInt

    init() {
        var pair: [CInt] = [-1, -1]
        let made = unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair)
        precondition(made == 0)
        (mine, peer) = (pair[0], pair[1])
    }

    func close() {
        _ = Glibc.close(mine)
        _ = Glibc.close(peer)
    }

    func received() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe recv(peer, buffer.baseAddress, buffer.count, CInt(MSG_DONTWAIT))
        }
        return Array(bytes.prefix(max(0, count)))
    }
}

@Suite struct `A shard` {
    @Test func `keeps what a connection still needs, also while its turn has not come`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        let (connection, _) = try bench.open()
        bench.send("one")
        bench.loop.run()
        bench.send("mine", to: .connection(connection.id))
        bench.send("two")
        bench.loop.run()
        #expect(connection.outbox.phase == .behind)
        #expect(bench.shard.ring.count == 2)

        let sockets = SocketPair()
        defer { sockets.close() }
        connection.descriptor = sockets.mine
        connection.transmit()
        #expect(
            sockets.received()
                == Array("101\u{81}\u{03}one\u{81}\u{04}mine\u{81}\u{03}two".unicodeScalars.map { UInt8($0.value) }))
        #expect(connection.outbox.phase == .idle)
        #expect(bench.shard.ring.count == 0)
        connection.descriptor = -1
    }

    @Test func `sends nothing to a connection that left before it was in the log, and removes it`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        let (connection, channel) = try bench.open()
        channel.close(promise: nil)
        #expect(bench.shard.connections.count == 1)
        bench.loop.run()
        #expect(bench.shard.connections.isEmpty)
        #expect(connection.outbox.bytesSent(head: bench.shard.ring.head) == 0)
        #expect(bench.count.enter() && bench.count.enter())
    }

    @Test func `gives the place of a refused connect back`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        bench.gate.close(because: "test")
        for _ in 0..<5 {
            let (_, channel) = try bench.open()
            bench.loop.run()
            #expect(bench.shard.connections.isEmpty)
            #expect(
                try channel.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) }?.hasPrefix("HTTP/1.1 503")
                    == true)
            #expect(!channel.isActive)
        }
    }

    @Test func `tells the sender of a refused message, and nobody else`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        let (connection, _) = try bench.open()
        bench.loop.run()
        let sockets = SocketPair()
        defer { sockets.close() }
        connection.descriptor = sockets.mine
        connection.transmit()
        _ = sockets.received()
        bench.gate.close(because: "test")
        var frame = ByteBuffer(bytes: LiveClient.frame(1, Array(#"{"action":"onMessage","data":1}"#.utf8)))
        while let inbound = bench.gateway.parse(&frame, for: connection) {
            guard case .message(let opcode, let range) = inbound else { continue }
            bench.gateway.submitMessage(of: connection.id, opcode, range)
        }
        bench.loop.run()
        let text = String(decoding: sockets.received().dropFirst(2), as: UTF8.self)
        #expect(text.hasPrefix("{\"message\": \"Internal server error\", \"connectionId\":\"\(connection.id)\""))
        connection.descriptor = -1
    }

    @Test func `lists who is being closed among those that have not got everything`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        let (connection, _) = try bench.open()
        bench.loop.run()
        bench.send("one")
        bench.loop.run()
        connection.end(Ending(cause: .deleted, code: .normal))
        bench.send("two")
        bench.loop.run()
        let observation = ShardObservation.combined([bench.shard.observation])
        #expect(observation.behind.map(\.connection) == [connection.id])
        #expect(observation.behind.allSatisfy { $0.deliveredThrough < observation.performedThrough })
    }

    @Test func `gives up the one whose own frames fill the ring, not the others`() throws {
        let bench = try Bench(ringBytesMax: 100_000)
        defer { bench.finish() }
        let (innocent, _) = try bench.open()
        let (greedy, _) = try bench.open()
        bench.loop.run()
        bench.send("for everyone")
        for _ in 0..<100 { bench.send(String(repeating: "x", count: 1000), to: .connection(greedy.id)) }
        bench.loop.run()
        #expect(innocent.outbox.phase == .behind)
        #expect(greedy.outbox.phase == .frozen)
    }

    @Test func `gives up who needs the oldest run when the ring is full`() throws {
        let bench = try Bench(ringBytesMax: 100_000)
        defer { bench.finish() }
        let (slow, _) = try bench.open()
        for _ in 0..<20 {
            bench.send(String(repeating: "x", count: 10_000))
            bench.loop.run()
        }
        #expect(slow.outbox.phase == .frozen)
        #expect(bench.shard.ring.count == 0)
    }

    @Test func `holds no message of a client that is being closed`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        let (connection, channel) = try bench.open()
        bench.loop.run()
        connection.end(Ending(cause: .deleted, code: .normal))
        for _ in 0..<100 {
            try channel.writeInbound(ByteBuffer(bytes: LiveClient.frame(1, [UInt8](repeating: 0x61, count: 10_000))))
        }
        #expect(bench.gateway.payloadBytes == 0)
    }

    @Test func `is waited for in vain when the log failed`() throws {
        let bench = try Bench()
        defer { bench.finish() }
        _ = try bench.open()
        bench.loop.run()
        let emptied = bench.shard.whenEmpty()
        bench.shard.logFailed(.storageFailed("test"))
        #expect(throws: ServerError.self) { try emptied.wait() }
        #expect(throws: ServerError.self) { try bench.shard.whenEmpty().wait() }
    }
}
