import NIOCore

@testable import Reprise

/// An outbox with the ring that it reads, and a socket that takes as many bytes as it is told.
struct OutboxBench {
    var ring = FrameRing()
    var outbox = Outbox()
    var performed = Position(10)
    private(set) var taken: [UInt8] = []
    private var inChannel: [UInt8] = []

    /// A live connection that has its handshake and is idle.
    static func live() -> OutboxBench {
        var bench = OutboxBench()
        bench.outbox.activate(at: 0, handshake: ByteBuffer(string: "101"))
        bench.send()
        bench.taken = []
        return bench
    }

    var frames: [String] {
        var rest = taken[...]
        let frames = SentFrame.takeAll(from: &rest).map { frame in
            switch frame.opcode {
            case 8: "close"
            case 9: "ping"
            case 10: "pong " + frame.text
            default: frame.text
            }
        }
        return rest.isEmpty ? frames : frames + ["…\(rest.count)"]
    }

    var through: Position { outbox.deliveredThrough(ring: ring, performedThrough: performed) }

    var bytesSent: UInt64 { outbox.bytesSent(head: ring.head) }

    var stretch: [UInt8] {
        var buffer = ByteBuffer()
        outbox.copyStretch(from: ring, limit: 1 << 20, into: &buffer)
        return buffer.bytes
    }

    /// Adds a run and sends its first `count` bytes, as a shard does for an idle connection.
    mutating func broadcast(_ texts: [(position: UInt64, text: String)], taking count: Int? = nil) {
        let run = FrameRun(start: ring.head, texts)
        ring.append(run)
        performed = max(performed, run.marks.last?.position ?? performed)
        guard outbox.phase == .idle else { return }
        let count = count ?? run.bytes.readableBytes
        taken += run.bytes.bytes.prefix(count)
        if count < run.bytes.readableBytes { outbox.tookPart(of: run.start, byteCount: count) }
    }

    /// Adds a run that leaves sealed: `taken` bytes have left, and `count` more are in a record that is with the channel.
    mutating func broadcastSealed(_ texts: [(position: UInt64, text: String)], taking taken: Int, sealing count: Int) {
        broadcast(texts, taking: taken)
        inChannel = Array(stretch.prefix(count))
        outbox.handedToChannel(count)
    }

    /// Sends at most `limit` bytes of what waits.
    mutating func send(_ limit: Int = 1 << 20) {
        let count = min(limit, stretch.count)
        taken += stretch.prefix(count)
        outbox.took(count, head: ring.head)
    }

    /// As much as with TLS, unless told otherwise.
    mutating func handToChannel(limit: Int = 4096) {
        var buffer = ByteBuffer()
        outbox.handToChannel(from: ring, limit: limit, into: &buffer)
        inChannel = buffer.bytes
    }

    mutating func flushChannel() {
        taken += inChannel
        inChannel = []
        outbox.channelFlushed(head: ring.head)
    }

    mutating func pong(_ text: String) { outbox.addControl(.pong(text), .pong, ring: ring) }

    mutating func ping() { outbox.addControl(.ping, .ping, ring: ring) }

    mutating func refuse(_ text: String) { outbox.addControl(.text(text), .refusal, ring: ring) }

    mutating func target(_ text: String, at position: UInt64, offset: UInt64? = nil, served: UInt64? = nil) {
        outbox.add(
            .text(text), at: Position(position), offset: offset ?? ring.head, served: served ?? ring.head)
        performed = max(performed, Position(position))
    }

    mutating func freeze() { outbox.freeze(close: .closing(), ring: ring, performedThrough: performed) }
}
