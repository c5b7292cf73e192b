import NIOCore
import Testing

@testable import Reprise

@Suite struct `An outbox that is pending` {
    private var bench = OutboxBench()

    @Test mutating func `sends nothing and takes nothing`() {
        bench.pong("x")
        bench.refuse("x")
        bench.target("x", at: 3)
        bench.freeze()
        #expect(bench.outbox.phase == .pending)
        #expect(!bench.outbox.hasOutput(head: 100))
        #expect(bench.through == .zero)
        #expect(bench.outbox.streamCursor == nil)
    }

    @Test mutating func `sends the handshake first, then the stream from its offset`() {
        bench.broadcast([(1, "before")])
        let offset = bench.ring.head
        bench.broadcast([(3, "after")])
        bench.outbox.activate(at: offset, handshake: ByteBuffer(string: "101"))
        #expect(bench.outbox.phase == .behind)
        #expect(bench.through == Position(2))
        bench.send()
        #expect(bench.outbox.phase == .idle)
        #expect(bench.taken == Array("101".utf8) + ByteBuffer.text("after").bytes)
        #expect(bench.bytesSent == 7)
    }

    @Test mutating func `ends without ever having been sent anything`() {
        #expect(bench.outbox.finish(ring: bench.ring, performedThrough: Position(9)).deliveredThrough == .zero)
        #expect(bench.outbox.phase == .finished)
    }

    @Test func `is activated once`() async {
        await #expect(processExitsWith: .failure) {
            var outbox = Outbox()
            outbox.activate(at: 0, handshake: ByteBuffer(string: "101"))
            outbox.activate(at: 0, handshake: ByteBuffer(string: "101"))
        }
    }
}

@Suite struct `An outbox that is idle` {
    private var bench = OutboxBench.live()

    @Test mutating func `stays idle when the kernel takes the whole run`() {
        bench.broadcast([(11, "a"), (12, "b")])
        #expect(bench.outbox.phase == .idle)
        #expect(bench.bytesSent == 6)
        #expect(bench.through == Position(12))
        #expect(bench.stretch.isEmpty)
    }

    @Test(arguments: 0..<9)
    mutating func `keeps a cursor when the kernel takes a part`(count: Int) {
        bench.broadcast([(11, "a"), (13, "b"), (14, "c")], taking: count)
        #expect(bench.outbox.phase == .behind)
        #expect(bench.bytesSent == UInt64(count))
        #expect(bench.outbox.streamCursor == UInt64(count))
        #expect(bench.through == Position(count < 3 ? 10 : count < 6 ? 12 : 13))
        #expect(bench.outbox.needsStream(before: UInt64(count) + 1))
        #expect(!bench.outbox.needsStream(before: UInt64(count)))
        bench.send()
        #expect(bench.outbox.phase == .idle)
        #expect(bench.frames == ["a", "b", "c"])
        #expect(bench.through == Position(14))
    }

    @Test mutating func `sends a pong at once`() {
        bench.pong("x")
        #expect(bench.outbox.phase == .behind)
        #expect(bench.through == Position(10))
        bench.send()
        #expect(bench.outbox.phase == .idle)
        #expect(bench.frames == ["pong x"])
        #expect(bench.bytesSent == 3)
    }

    @Test mutating func `does not count a ping as sent`() {
        bench.ping()
        #expect(bench.outbox.phase == .behind)
        bench.send()
        #expect(bench.outbox.phase == .idle)
        #expect(bench.frames == ["ping"])
        #expect(bench.bytesSent == 0)
        bench.broadcast([(11, "a")])
        #expect(bench.bytesSent == 3)
    }

    @Test mutating func `keeps a ping that waits when the ring is left`() {
        bench.broadcast([(11, "first"), (12, "second")], taking: 1)
        bench.ping()
        bench.outbox.leaveRing(.skip, ring: bench.ring, performedThrough: bench.performed)
        bench.send()
        #expect(bench.frames == ["first", "ping"])
    }

    @Test mutating func `sends a targeted frame at its offset inside the run`() {
        let start = bench.ring.head
        bench.outbox.add(.text("mine"), at: Position(12), offset: start + 3, served: start)
        bench.outbox.add(.text("mine too"), at: Position(13), offset: start + 3, served: start)
        bench.broadcast([(11, "a"), (14, "b")])
        #expect(bench.outbox.phase == .behind)
        #expect(bench.through == Position(10))
        bench.send()
        #expect(bench.frames == ["a", "mine", "mine too", "b"])
        #expect(bench.outbox.phase == .idle)
        #expect(bench.outbox.insertBytes == 0)
    }

    @Test mutating func `closes at once when it is frozen`() {
        bench.freeze()
        #expect(bench.outbox.phase == .frozen)
        #expect(bench.through == Position(10))
        bench.broadcast([(11, "a")])
        #expect(bench.through == Position(10))
        bench.send()
        #expect(bench.frames == ["close"])
        #expect(bench.outbox.closeHasLeft)
        #expect(!bench.outbox.hasOutput(head: bench.ring.head))
    }

    @Test mutating func `has everything through the last performed position when it ends`() {
        #expect(bench.outbox.finish(ring: bench.ring, performedThrough: Position(77)).deliveredThrough == Position(77))
        #expect(bench.outbox.deliveredThrough(ring: bench.ring, performedThrough: Position(99)) == Position(77))
    }
}

@Suite struct `An outbox that is behind` {
    private var bench = OutboxBench.live()

    init() {
        bench.broadcast([(11, "first"), (13, "second")], taking: 3)  // 3 of 7 + 8 bytes
    }

    @Test mutating func `takes a stretch in any pieces`() {
        bench.target("mine", at: 15)
        bench.broadcast([(16, "third")])
        while bench.outbox.hasOutput(head: bench.ring.head) { bench.send(2) }
        #expect(bench.frames == ["first", "second", "mine", "third"])
        #expect(bench.outbox.phase == .idle)
        #expect(bench.bytesSent == UInt64(bench.taken.count))
    }

    @Test mutating func `says how far it got, a targeted frame included`() {
        bench.target("mine", at: 15)
        bench.broadcast([(16, "third")])
        let steps: [(count: Int, through: UInt64)] = [
            (4, 12), (8, 14), (5, 14), (1, 15), (6, 15), (1, 16),
        ]
        for (count, through) in steps {
            bench.send(count)
            #expect(bench.through == Position(through))
        }
    }

    @Test mutating func `puts a pong after the frame that has begun`() {
        bench.pong("x")
        bench.send()
        #expect(bench.frames == ["first", "pong x", "second"])
    }

    @Test mutating func `puts a pong at once when it stands between frames`() {
        bench.send(4)
        bench.pong("x")
        bench.send()
        #expect(bench.frames == ["first", "pong x", "second"])
    }

    @Test mutating func `keeps the latest pong only`() {
        bench.pong("x")
        bench.pong("longer")
        bench.pong("y")
        #expect(bench.outbox.insertBytes == 3)
        bench.send()
        #expect(bench.frames == ["first", "pong y", "second"])
    }

    @Test mutating func `does not replace a pong that has begun`() {
        bench.pong("x")
        bench.send(4 + 1)
        bench.pong("y")
        bench.pong("z")
        bench.send()
        #expect(bench.frames == ["first", "pong x", "pong z", "second"])
    }

    @Test mutating func `does not replace a pong that is with the channel`() {
        bench.send(4)
        bench.pong("x")
        bench.handToChannel()
        bench.pong("y")
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["first", "pong x", "pong y", "second"])
    }

    @Test mutating func `keeps one refusal beside one pong`() {
        bench.refuse("r1")
        bench.pong("x")
        bench.refuse("r2")
        bench.send()
        #expect(bench.frames == ["first", "r2", "pong x", "second"])
    }

    @Test mutating func `hands the channel the rest of the stream up to the next insert`() {
        bench.pong("x")
        bench.handToChannel()
        #expect(bench.outbox.channelBytes == 4)
        bench.flushChannel()
        #expect(bench.outbox.channelBytes == 0)
        #expect(bench.frames == ["first"])
        bench.handToChannel()
        #expect(bench.outbox.channelBytes == 3)
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["first", "pong x", "second"])
    }

    @Test mutating func `hands the channel a bounded copy`() {
        bench.broadcast([(14, String(repeating: "x", count: 10_000))])
        bench.handToChannel()
        #expect(bench.outbox.channelBytes == 4096)
        bench.flushChannel()
        bench.send()
        #expect(bench.frames.count == 3)
    }

    /// A channel does not say how much of what it was given had left when its socket broke. Found by the simulator: the
    /// log said 1 byte sent, and the kernel had taken 84.
    @Test mutating func `hands the channel one byte, so that what has left is known when the socket breaks`() {
        let before = bench.outbox.bytesSent(head: bench.ring.head)
        bench.handToChannel(limit: Outbox.channelBytesMax)
        #expect(bench.outbox.channelBytes == 1)
        bench.flushChannel()
        #expect(bench.outbox.bytesSent(head: bench.ring.head) == before + 1)
        bench.send()
        #expect(bench.frames == ["first", "second"])
    }

    @Test mutating func `puts a pong after what is with the channel`() {
        bench.handToChannel()  // both frames
        bench.pong("x")
        bench.broadcast([(14, "third")])
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["first", "second", "pong x", "third"])
    }

    @Test mutating func `does not count bytes that are with the channel as taken`() {
        bench.handToChannel()
        #expect(bench.through == Position(10))
        #expect(bench.bytesSent == 3)
        bench.flushChannel()
        #expect(bench.through == Position(13))
        #expect(bench.outbox.phase == .idle)
    }

    @Test mutating func `counts a sealed part of a run when it has left`() {
        bench.send()
        bench.broadcastSealed([(14, "third"), (15, "fourth")], taking: 0, sealing: 7)
        #expect(bench.through == Position(13))
        bench.pong("x")
        bench.flushChannel()
        #expect(bench.through == Position(14))
        bench.send()
        #expect(bench.frames == ["first", "second", "third", "pong x", "fourth"])
    }

    @Test mutating func `completes the delivery that a sealed part cuts, when the end is decided`() {
        bench.send()
        bench.broadcastSealed([(14, "third"), (15, "fourth"), (16, "fifth")], taking: 7, sealing: 3)
        bench.freeze()
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["first", "second", "third", "fourth", "close"])
        #expect(bench.through == Position(15))
    }

    @Test mutating func `ignores the channel's bytes once it has ended`() {
        bench.handToChannel()
        #expect(
            bench.outbox.finish(ring: bench.ring, performedThrough: bench.performed).deliveredThrough == Position(10))
        bench.flushChannel()
        #expect(bench.bytesSent == 3)
        #expect(bench.outbox.phase == .finished)
    }

    @Test mutating func `holds no storage of the batch that a targeted frame came in`() {
        var batch = ByteBuffer()
        batch.writeRepeatingByte(0, count: 1 << 20)
        let frame = ByteBuffer.text("mine")
        let start = batch.writerIndex
        batch.writeImmutableBuffer(frame)
        let slice = batch.getSlice(at: start, length: frame.readableBytes) ?? ByteBuffer()
        bench.outbox.add(slice, at: Position(15), offset: bench.ring.head, served: bench.ring.head)
        #expect(bench.outbox.insertStorageBytes < 1024)
        #expect(bench.outbox.ownMemoryBytes >= bench.outbox.insertStorageBytes)
    }

    @Test mutating func `two batches with the channel at once trap`() async {
        await #expect(processExitsWith: .failure) {
            var bench = OutboxBench.live()
            bench.broadcast([(11, "first")], taking: 0)
            bench.handToChannel()
            bench.handToChannel()
        }
    }
}
