import NIOCore
import Testing

@testable import Reprise

@Suite struct `Freezing an outbox` {
    private var bench = OutboxBench.live()

    @Test mutating func `in the middle of a frame completes it and drops the rest`() {
        bench.broadcast([(11, "first"), (13, "second")], taking: 3)
        bench.target("mine", at: 14)
        bench.pong("x")
        bench.freeze()
        #expect(bench.through == Position(10))
        #expect(bench.outbox.streamCursor == nil)
        bench.ring.evictOldest()
        bench.send(4)
        #expect(bench.through == Position(11))
        #expect(!bench.outbox.closeHasLeft)
        bench.send()
        #expect(bench.frames == ["first", "close"])
        #expect(bench.outbox.closeHasLeft)
        #expect(bench.outbox.finish(ring: bench.ring, performedThrough: Position(99)).deliveredThrough == Position(11))
    }

    @Test mutating func `between two frames closes at once`() {
        bench.broadcast([(11, "first"), (13, "second")], taking: 7)
        bench.freeze()
        #expect(bench.through == Position(12))
        bench.send()
        #expect(bench.frames == ["first", "close"])
        #expect(bench.through == Position(12))
    }

    @Test mutating func `with the frame in flight at the channel waits for it`() {
        bench.broadcast([(11, String(repeating: "x", count: 9000)), (13, "second")], taking: 100)
        bench.handToChannel()
        bench.freeze()
        bench.ring.evictOldest()
        bench.flushChannel()
        #expect(bench.through == Position(10))
        bench.send()
        #expect(bench.frames.count == 2)
        #expect(bench.frames.last == "close")
        #expect(bench.through == Position(11))
    }

    @Test mutating func `with several frames at the channel counts each of them`() {
        bench.broadcast([(11, "a"), (12, "b"), (15, String(repeating: "c", count: 9000))], taking: 1)
        bench.handToChannel()  // a, b, and the beginning of c
        bench.freeze()
        #expect(bench.through == Position(10))
        bench.flushChannel()
        #expect(bench.through >= Position(12))
        #expect(bench.through < Position(15))
        bench.send()
        #expect(bench.through == Position(15))
        #expect(bench.frames.last == "close")
        #expect(bench.frames.count == 4)
    }

    @Test mutating func `with whole frames at the channel closes behind them`() {
        bench.broadcast([(11, "a"), (12, "b"), (15, "c")], taking: 1)
        bench.handToChannel()
        bench.broadcast([(16, "d")])
        bench.freeze()
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["a", "b", "c", "close"])
        #expect(bench.through == Position(15))
    }

    @Test mutating func `with a half-sent insert completes it`() {
        bench.target("mine", at: 11)
        bench.target("mine too", at: 12)
        bench.send(2)
        bench.freeze()
        bench.send()
        #expect(bench.frames == ["mine", "close"])
        #expect(bench.through == Position(11))
        #expect(bench.outbox.insertBytes == 0)
    }

    @Test mutating func `with an insert at the channel completes it`() {
        bench.target("mine", at: 11)
        bench.target("mine too", at: 12)
        bench.handToChannel()
        bench.freeze()
        bench.flushChannel()
        bench.send()
        #expect(bench.frames == ["mine", "close"])
        #expect(bench.through == Position(11))
    }

    @Test mutating func `drops an insert that has not begun`() {
        bench.target("mine", at: 11)
        bench.freeze()
        bench.send()
        #expect(bench.frames == ["close"])
        #expect(bench.through == Position(10))
    }

    @Test(arguments: [0, 1, 3])
    mutating func `during the handshake sends it and the Close`(taken: Int) {
        bench = OutboxBench()
        bench.outbox.activate(at: 0, handshake: ByteBuffer(string: "101"))
        bench.broadcast([(11, "a")])
        if taken > 0 { bench.send(taken) }
        bench.freeze()
        bench.send()
        #expect(bench.taken == Array("101".utf8) + ByteBuffer.closing().bytes)
        #expect(bench.bytesSent == UInt64(ByteBuffer.closing().readableBytes))
        #expect(bench.through == Position(10))
    }

    @Test mutating func `with the handshake at the channel sends it once`() {
        bench = OutboxBench()
        bench.outbox.activate(at: 0, handshake: ByteBuffer(string: "101"))
        bench.handToChannel()
        bench.freeze()
        bench.flushChannel()
        bench.send()
        #expect(bench.taken == Array("101".utf8) + ByteBuffer.closing().bytes)
    }

    @Test mutating func `keeps the first Close`() {
        bench.freeze()
        bench.outbox.freeze(close: .closing(.normal), ring: bench.ring, performedThrough: Position(99))
        bench.send()
        #expect(bench.taken == ByteBuffer.closing().bytes)
    }

    @Test mutating func `ends what can be added`() {
        bench.freeze()
        bench.pong("x")
        bench.refuse("x")
        bench.target("x", at: 11)
        bench.broadcast([(12, "x")])
        bench.send()
        #expect(bench.frames == ["close"])
    }

    @Test mutating func `that ends before the Close has left says so`() {
        bench.freeze()
        bench.send(1)
        #expect(!bench.outbox.closeHasLeft)
        bench.outbox.finish(ring: bench.ring, performedThrough: Position(99))
        #expect(!bench.outbox.closeHasLeft)
        #expect(bench.through == Position(10))
    }

    @Test mutating func `once it has ended changes nothing`() {
        bench.outbox.finish(ring: bench.ring, performedThrough: bench.performed)
        bench.freeze()
        #expect(bench.outbox.phase == .finished)
        #expect(!bench.outbox.hasOutput(head: 1000))
    }
}
