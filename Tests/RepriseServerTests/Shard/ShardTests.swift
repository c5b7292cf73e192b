// One shard with its gateway and Recorder on an embedded loop, which runs when it is told to; the log is real.

import Glibc
import NIOCore
import NIOEmbedded
import RepriseTesting
import Testing

@testable import Reprise
@testable import RepriseServer

@Suite struct `A shard` {
    @Test func `keeps what a connection still needs, also while its turn has not come`() throws {
        let bench = try ShardBench()
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

    @Test func `counts as traffic what a connection that was behind is sent`() throws {
        let bench = try ShardBench()
        defer { bench.finish() }
        let (connection, _) = try bench.open()
        bench.send("one")
        bench.loop.run()
        #expect(connection.outbox.phase == .behind)

        bench.loop.advanceTime(by: .milliseconds(5000))
        let sockets = SocketPair()
        defer { sockets.close() }
        connection.descriptor = sockets.mine
        connection.transmit()
        #expect(!sockets.received().isEmpty)
        #expect(bench.shard.lastTraffic(of: connection) == bench.loop.now)
        connection.descriptor = -1
    }

    @Test func `sends nothing to a connection that left before it was in the log, and removes it`() throws {
        let bench = try ShardBench()
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
        let bench = try ShardBench()
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
        let bench = try ShardBench()
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
        let bench = try ShardBench()
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
        let bench = try ShardBench(ringBytesMax: 100_000)
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
        let bench = try ShardBench(ringBytesMax: 100_000)
        defer { bench.finish() }
        let (slow, _) = try bench.open()
        for _ in 0..<20 {
            bench.send(String(repeating: "x", count: 10_000))
            bench.loop.run()
        }
        #expect(slow.outbox.phase == .frozen)
        #expect(bench.shard.ring.count == 0)
    }

    private static func text(_ number: Int) -> String { "\(number) " + String(repeating: "x", count: 10_000) }

    /// A connection that left the ring before it was sent anything, and a socket for it.
    private func detached(_ bench: ShardBench, sendBytes: CInt? = nil) throws -> (Connection, SocketPair) {
        let (slow, _) = try bench.open()
        for number in 0..<20 {
            bench.send(Self.text(number))
            bench.send("mine \(number)", to: .connection(slow.id))
            bench.loop.run()
        }
        #expect(slow.outbox.phase == .behind)
        #expect(slow.outbox.streamCursor == nil)
        #expect(bench.shard.ring.count == 0)
        return (slow, SocketPair(sendBytes: sendBytes))
    }

    @Test func `gives who catches up everything from the log, and then from the ring`() throws {
        let bench = try ShardBench(ringBytesMax: 100_000, policy: .catchUp)
        defer { bench.finish() }
        let (slow, sockets) = try detached(bench, sendBytes: 1 << 20)
        defer { sockets.close() }
        slow.descriptor = sockets.mine
        slow.transmit()
        var received: [UInt8] = []
        while slow.outbox.phase == .behind {
            bench.loop.run()
            received += sockets.received()
            slow.transmit()
        }
        received += sockets.received()
        #expect(slow.outbox.phase == .idle)
        bench.send("live")
        bench.loop.run()
        received += sockets.received()
        var expected = ByteBuffer(string: "101")
        for text in (0..<20).flatMap({ [Self.text($0), "mine \($0)"] }) + ["live"] {
            FrameEncoder.append(
                .text, payload: ByteBuffer(string: text).readableBytesSpan, frameBytesMax: 1 << 20, to: &expected)
        }
        let isExpected = received == Array(expected.readableBytesView)  // not 200 KB in a failure
        #expect(isExpected)
        #expect(slow.outbox.bytesSent(head: bench.shard.ring.head) == UInt64(received.count - 3))
        slow.descriptor = -1
    }

    @Test func `closes who cannot catch up because the log is unreadable`() throws {
        let bench = try ShardBench(ringBytesMax: 100_000, policy: .catchUp, readsWrongLog: true)
        defer { bench.finish() }
        let (slow, sockets) = try detached(bench)
        defer { sockets.close() }
        slow.descriptor = sockets.mine
        slow.transmit()
        bench.loop.run()
        #expect(slow.outbox.phase == .frozen)
        var close = ByteBuffer()
        FrameEncoder.appendClose(.internalError, reason: "Slow consumer, and the log is unreadable", to: &close)
        #expect(sockets.received() == Array("101".utf8) + Array(close.readableBytesView))
        slow.descriptor = -1
    }

    @Test func `lists who skipped something as behind until the log has the gap`() throws {
        let bench = try ShardBench(ringBytesMax: 100_000, policy: .skip)
        defer { bench.finish() }
        let (slow, sockets) = try detached(bench)
        defer { sockets.close() }
        slow.descriptor = sockets.mine
        slow.transmit()
        #expect(sockets.received() == Array("101".utf8))
        #expect(slow.outbox.phase == .idle)
        #expect(bench.shard.gaps[slow.id]?.deliveredThrough == Position(2))
        var nothing = DeliveryPlan()
        nothing.begin(after: bench.shard.performedThrough, streamOffset: bench.shard.ring.head)
        nothing.last = nothing.first
        bench.shard.perform(nothing)
        let observation = ShardObservation.combined([bench.shard.observation])
        #expect(observation.behind == [Checkpoint.Behind(connection: slow.id, deliveredThrough: Position(2))])
        bench.loop.run()
        #expect(bench.shard.gaps.isEmpty)
        #expect(ShardObservation.combined([bench.shard.observation]).behind.isEmpty)
        bench.send("live")
        bench.loop.run()
        #expect(sockets.received() == [0x81, 4] + Array("live".utf8))
        slow.descriptor = -1
    }

    @Test(arguments: [SlowConsumerPolicy.catchUp, .skip])
    func `closes who cannot be helped: unfinished messages alone are more than the ring`(
        policy: SlowConsumerPolicy
    ) throws {
        let bench = try ShardBench(ringBytesMax: 100_000, policy: policy)
        defer { bench.finish() }
        let (slow, channel) = try bench.open(isStalled: true)
        bench.loop.run()
        let sockets = SocketPair()
        defer { sockets.close() }
        slow.descriptor = sockets.mine
        slow.transmit()
        bench.send(String(repeating: "x", count: 2_000_000))
        bench.loop.run()
        withExtendedLifetime(channel) {}
        #expect(slow.outbox.phase == .frozen)
        slow.descriptor = -1
    }

    @Test func `holds no message of a client that is being closed`() throws {
        let bench = try ShardBench()
        defer { bench.finish() }
        let (connection, channel) = try bench.open()
        bench.loop.run()
        connection.end(Ending(cause: .deleted, code: .normal))
        for _ in 0..<100 {
            try channel.writeInbound(ByteBuffer(bytes: LiveClient.frame(1, [UInt8](repeating: 0x61, count: 10_000))))
        }
        #expect(bench.gateway.intents.payloadBytes == 0)
    }

    @Test func `has others served between the messages of a client whose JSON must be written anew`() throws {
        let bench = try ShardBench()
        defer { bench.finish() }
        let (connection, channel) = try bench.open()
        bench.loop.run()
        let message =
            #"{"action":"onMessage","data":[\#(Array(repeating: "1.0", count: 5000).joined(separator: ","))]}"#
        let frames = (0..<10).flatMap { _ in LiveClient.frame(1, Array(message.utf8)) }
        try channel.writeInbound(ByteBuffer(bytes: frames))
        #expect(bench.gateway.intents.rewrittenBytes == 4 * message.utf8.count, "64 KiB, up to the end of a message")
        #expect(connection.isReadHeld)
        for _ in 0..<3 { bench.loop.advanceTime(by: .microseconds(100)) }
        #expect(bench.gateway.intents.rewrittenBytes == 10 * message.utf8.count)
        #expect(!connection.isReadHeld && connection.unparsed == nil)
        #expect(bench.shard.performedThrough == bench.recorder.engine.projection.position)
        #expect(bench.recorder.engine.counts.messages == 10)
    }

    @Test func `is waited for in vain when the log failed`() throws {
        let bench = try ShardBench()
        defer { bench.finish() }
        _ = try bench.open()
        bench.loop.run()
        let emptied = bench.shard.whenEmpty()
        bench.shard.logFailed(.storageFailed("test"))
        #expect(throws: ServerError.self) { try emptied.wait() }
        #expect(throws: ServerError.self) { try bench.shard.whenEmpty().wait() }
    }
}
