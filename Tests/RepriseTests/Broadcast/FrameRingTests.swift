import NIOCore
import Testing

@testable import Reprise

@Suite struct `Frame runs` {
    // Frames of 2 + 3, 2 + 1 and 2 + 4 bytes, at stream offset 100.
    private let run = FrameRun(start: 100, [(7, "abc"), (9, "d"), (10, "efgh")])

    @Test func `marks say where each position ends`() {
        #expect(run.marks.map(\.position) == [Position(7), Position(9), Position(10)])
        #expect(run.marks.map(\.end) == [105, 108, 114])
        #expect(run.end == 114)
    }

    @Test(arguments: [(100, 7), (104, 7), (105, 9), (107, 9), (108, 10), (113, 10)] as [(UInt64, UInt64)])
    func `a byte belongs to the delivery that ends after it`(offset: UInt64, position: UInt64) {
        #expect(run.mark(after: offset)?.position == Position(position))
    }

    @Test func `no delivery ends after the end`() {
        #expect(run.mark(after: 114) == nil)
        #expect(FrameRun(start: 5).mark(after: 5) == nil)
    }

    @Test func `memory counts the storage, not the content`() {
        var roomy = FrameRun(start: 0)
        roomy.bytes = ByteBufferAllocator().buffer(capacity: 4096)
        #expect(roomy.memoryBytes >= 4096)
    }
}

@Suite struct `The frame ring` {
    private var ring = FrameRing()

    init() {
        ring.append(FrameRun(start: 0, [(1, "ab"), (2, "cd")]))  // 0..<8
        ring.append(FrameRun(start: 8))
        ring.append(FrameRun(start: 8, [(4, "ef")]))  // 8..<12
        ring.append(FrameRun(start: 12, [(5, "gh"), (6, "ij")]))  // 12..<20
    }

    private func text(from offset: UInt64, limit: Int) -> [UInt8] {
        var buffer = ByteBuffer()
        ring.copy(from: offset, limit: limit, into: &buffer)
        return buffer.bytes
    }

    @Test func `empty runs cost nothing`() {
        #expect(ring.count == 3)
        #expect(ring.start == 0)
        #expect(ring.head == 20)
    }

    @Test func `a stretch goes over the ends of runs, and no further than the head`() {
        let all = text(from: 0, limit: 1000)
        #expect(all.count == 20)
        for start in 0...20 {
            for limit in 0...21 {
                #expect(text(from: UInt64(start), limit: limit) == Array(all[start...].prefix(limit)))
            }
        }
    }

    @Test func `boundaries are where deliveries end`() {
        let ends: [UInt64] = [0, 4, 8, 12, 16, 20]
        for offset in 0...UInt64(20) {
            #expect(ring.boundary(atOrAfter: offset) == ends.first { $0 >= offset })
        }
    }

    @Test func `a byte's delivery is found in any run`() {
        #expect(ring.mark(after: 0)?.position == Position(1))
        #expect(ring.mark(after: 7)?.position == Position(2))
        #expect(ring.mark(after: 8)?.position == Position(4))
        #expect(ring.mark(after: 19)?.position == Position(6))
        #expect(ring.mark(after: 20) == nil)
    }

    @Test func `only whole runs are dropped`() {
        var ring = ring
        ring.drop(before: 7)
        #expect(ring.start == 0)
        ring.drop(before: 8)
        #expect((ring.start, ring.count) == (8, 2))
        ring.drop(before: 20)
        #expect((ring.start, ring.count, ring.memoryBytes) == (20, 0, 0))
    }

    @Test func `eviction takes the oldest, whoever needs it`() {
        var ring = ring
        let before = ring.memoryBytes
        #expect(ring.endOfOldest == 8)
        ring.evictOldest()
        #expect((ring.start, ring.count) == (8, 2))
        #expect(ring.memoryBytes < before)
        #expect(ring.mark(after: 7) == nil)
        ring.evictOldest()
        ring.evictOldest()
        ring.evictOldest()
        #expect((ring.start, ring.count, ring.memoryBytes) == (20, 0, 0))
        #expect(ring.boundary(atOrAfter: 20) == 20)
    }

    @Test func `a run goes on after an eviction`() {
        var ring = ring
        for _ in 0..<3 { ring.evictOldest() }
        ring.append(FrameRun(start: 20, [(8, "kl")]))
        #expect((ring.start, ring.head) == (20, 24))
        #expect(ring.boundary(atOrAfter: 21) == 24)
    }

    @Test func `a gap in the stream traps`() async {
        await #expect(processExitsWith: .failure) {
            var ring = FrameRing()
            ring.append(FrameRun(start: 1))
        }
    }

    @Test func `evicted bytes cannot be read`() async {
        await #expect(processExitsWith: .failure) {
            var ring = FrameRing()
            ring.append(FrameRun(start: 0, [(1, "ab")]))
            ring.evictOldest()
            var buffer = ByteBuffer()
            ring.copy(from: 0, limit: 1, into: &buffer)
        }
    }
}
