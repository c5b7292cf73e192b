// What a delivery costs a recipient whose socket did not take it whole, without the kernel. One that did costs nothing: the
// fan-out does not touch its outbox.

import NIOCore
import Reprise

extension Case {
    static let outbox = [
        Case("outbox: a run that the kernel took in two parts, per recipient") { operations in
            var crowd = Crowd(operations)
            return Work(
                prepare: { crowd.broadcast() },
                run: {
                    let start = crowd.runStart
                    for index in crowd.outboxes.indices {
                        crowd.outboxes[index].tookPart(of: start, byteCount: 10)
                        crowd.stretch.clear()
                        crowd.outboxes[index].copyStretch(from: crowd.ring, limit: 64 << 10, into: &crowd.stretch)
                        crowd.outboxes[index].took(crowd.stretch.readableBytes, head: crowd.ring.head)
                    }
                })
        }
    ]
}

/// Outboxes that are idle at the head of a ring.
private struct Crowd {
    var ring = FrameRing()
    var outboxes: [Outbox] = []
    var stretch = ByteBuffer()
    /// Where the last run began.
    var runStart: UInt64 = 0
    private var engine: Engine
    private var position = 3

    init(_ count: Int) {
        engine = Engine(withCrowd: 1)
        broadcast()
        for _ in 0..<count {
            var outbox = Outbox()
            outbox.activate(at: ring.head, handshake: ByteBuffer(string: "101"))
            outbox.took(3, head: ring.head)
            precondition(outbox.phase == .idle, "an outbox that was sent everything is \(outbox.phase)")
            outboxes.append(outbox)
        }
    }

    /// Puts a batch of 64 messages into the ring, in place of the one before.
    mutating func broadcast() {
        runStart = ring.head
        ring.drop(before: ring.head)
        ring.append(engine.apply(Fixture.messages(64, from: position)).run)
        position += 64
    }
}
