// A batch's broadcast frames, encoded once, side by side: what every recipient without an exception is sent as is.

public import NIOCore

/// A batch's broadcast frames, contiguous and immutable.
///
/// All broadcast bytes of a session form one *stream*; a run is a stretch of it. Offsets into the stream are counted in
/// bytes since `sessionStarted`.
public struct FrameRun: Sendable {
    /// Where a position's frames end.
    public struct Mark: Equatable, Sendable {
        /// The position that ordered the broadcast.
        public var position: Position
        /// The stream offset after its last byte.
        public var end: UInt64
    }

    /// The stream offset of the first byte.
    public private(set) var start: UInt64
    /// The frames.
    public internal(set) var bytes: ByteBuffer
    /// One mark per broadcast position, ascending. The end of a mark is a frame boundary.
    public internal(set) var marks: [Mark]

    /// The stream offset after the last byte.
    public var end: UInt64 { start + UInt64(bytes.readableBytes) }

    /// An empty run at a stream offset.
    init(start: UInt64, bytes: ByteBuffer = ByteBuffer()) {
        self.start = start
        self.bytes = bytes
        marks = []
    }

    /// Forgets the frames and keeps the storage, where nobody else holds it.
    mutating func begin(at start: UInt64) {
        self.start = start
        bytes.clear()
        marks.removeAll(keepingCapacity: true)
    }

    /// What the run costs in memory, bytes: its storage, which may be larger than its content, and its marks.
    var memoryBytes: Int {
        bytes.storageCapacity + marks.capacity * MemoryLayout<Mark>.stride + 128  // 128: two headers and the entry
    }

    /// The first mark that ends after `offset`: the delivery that the byte at `offset` belongs to.
    func mark(after offset: UInt64) -> Mark? {
        var low = 0
        var high = marks.count
        while low < high {
            let middle = (low + high) / 2
            if marks[middle].end > offset { high = middle } else { low = middle + 1 }
        }
        return low < marks.count ? marks[low] : nil
    }
}
