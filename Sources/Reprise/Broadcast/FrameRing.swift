// A shard's bounded tail of the stream: what connections that are behind still have to be sent. The runs are shared,
// immutable, and kept only while somebody is behind; nobody owns a copy.

public import NIOCore

/// The recent runs of the stream, oldest first.
///
/// Owner: one shard, on its event loop. Memory is bounded by whoever calls `evictOldest` while `memoryBytes` is above
/// the limit; see `Outbox` for what happens to a connection that needed the evicted bytes.
public struct FrameRing: Sendable {
    private var runs = CircularBuffer<FrameRun>()
    /// The stream offset of the first byte that is kept.
    public private(set) var start: UInt64 = 0
    /// The stream offset after the last byte: where the next run begins.
    public private(set) var head: UInt64 = 0
    /// The position of the last delivery that was appended, also when it is not kept any more; 0 before the first.
    public private(set) var lastPosition = Position.zero
    /// What the kept runs cost, bytes.
    public private(set) var memoryBytes = 0

    /// An empty ring at the beginning of the stream.
    public init() {}

    /// How many runs are kept.
    public var count: Int { runs.count }

    /// Adds the next run of the stream.
    public mutating func append(_ run: FrameRun) {
        precondition(run.start == head, "a run at \(run.start) was appended to a stream that is at \(head)")
        head = run.end
        lastPosition = run.marks.last?.position ?? lastPosition
        guard run.bytes.readableBytes > 0 else { return }
        runs.append(run)
        memoryBytes += run.memoryBytes
    }

    /// Drops every run that ends at or before `offset`.
    public mutating func drop(before offset: UInt64) {
        while let oldest = runs.first, oldest.end <= offset { removeOldest(oldest) }
        if runs.isEmpty { start = head }
    }

    /// Drops the oldest run, if there is one, whoever needs it.
    public mutating func evictOldest() {
        if let oldest = runs.first { removeOldest(oldest) }
        if runs.isEmpty { start = head }
    }

    /// The stream offset after the oldest run, where the ring will begin once it is evicted.
    public var endOfOldest: UInt64 { runs.first?.end ?? head }

    private mutating func removeOldest(_ oldest: FrameRun) {
        memoryBytes -= oldest.memoryBytes
        start = oldest.end
        runs.removeFirst()
    }

    /// Appends at most `limit` bytes of the stream, from `offset` on, to `buffer`.
    ///
    /// - Precondition: `offset` is not before `start`.
    public func copy(from offset: UInt64, limit: Int, into buffer: inout ByteBuffer) {
        precondition(offset >= start, "stream offset \(offset) was evicted, the ring begins at \(start)")
        var next = offset
        var room = limit
        var index = runs.index(runs.startIndex, offsetBy: runIndex(containing: offset))
        while room > 0, index != runs.endIndex {
            let run = runs[index]
            let skipped = Int(next - run.start)
            let count = min(room, run.bytes.readableBytes - skipped)
            let from = run.bytes.readableBytesSpan.extracting(skipped..<skipped + count)
            buffer.writeBytes(from)
            next += UInt64(count)
            room -= count
            index = runs.index(after: index)
        }
    }

    /// The delivery that the byte at `offset` belongs to, or `nil` at the head.
    public func mark(after offset: UInt64) -> FrameRun.Mark? {
        guard offset < head, offset >= start else { return nil }
        let index = runs.index(runs.startIndex, offsetBy: runIndex(containing: offset))
        return index == runs.endIndex ? nil : runs[index].mark(after: offset)
    }

    /// The first boundary between two deliveries at or after `offset`.
    public func boundary(atOrAfter offset: UInt64) -> UInt64 {
        guard offset > start else { return start }
        // The byte before `offset` belongs to a delivery; where this ends is the boundary.
        return mark(after: offset - 1)?.end ?? head
    }

    /// How many runs end at or before `offset`. Complexity: O(log n).
    private func runIndex(containing offset: UInt64) -> Int {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[runs.index(runs.startIndex, offsetBy: middle)].end > offset {
                high = middle
            } else {
                low = middle + 1
            }
        }
        return low
    }
}
