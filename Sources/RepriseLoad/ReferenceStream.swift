import Glibc

/// The bytes that every client must receive, as far as anybody has received and checked them: a ring that keeps the
/// last `capacity` of them. Whole, verified frames are appended; everybody else is compared with `memcmp`.
///
/// Offsets count bytes from the start of the run and never wrap. This file is the hot path's `unsafe`: the ring is one
/// `malloc`ed block owned by this value, every access is masked into it, and lengths are checked against `start` and
/// `end` by the caller's precondition.
@safe struct ReferenceStream: ~Copyable {
    /// Bytes that are kept, a power of two.
    let capacity: Int
    /// Offset behind the last byte.
    private(set) var end = 0
    private let base: UnsafeMutableRawPointer

    init(capacity: Int) {
        precondition(capacity.nonzeroBitCount == 1, "capacity \(capacity) is no power of two")
        self.capacity = capacity
        unsafe base = .allocate(byteCount: capacity, alignment: 64)
    }

    deinit {
        unsafe base.deallocate()
    }

    /// Offset of the oldest byte that is kept.
    var start: Int { max(0, end - capacity) }

    /// Appends bytes; the oldest make room.
    ///
    /// - Precondition: no more than `capacity` bytes.
    mutating func append(_ bytes: Span<UInt8>) {
        precondition(bytes.count <= capacity, "\(bytes.count) B for a ring of \(capacity) B")
        let position = end & (capacity - 1)
        let first = min(bytes.count, capacity - position)
        unsafe bytes.withUnsafeBytes { source in
            guard let from = source.baseAddress else { return }
            unsafe memcpy(base + position, from, first)
            unsafe memcpy(base, from + first, source.count - first)
        }
        end += bytes.count
    }

    /// Whether these bytes are the stream's from `offset` on.
    ///
    /// - Precondition: `offset` … `offset + bytes.count` is kept.
    @inline(__always)
    func matches(_ bytes: Span<UInt8>, at offset: Int) -> Bool {
        precondition(offset >= start && offset &+ bytes.count <= end, "offset \(offset) is not kept")
        let position = offset & (capacity - 1)
        let first = min(bytes.count, capacity - position)
        return unsafe bytes.withUnsafeBytes { theirs in
            guard let from = theirs.baseAddress else { return true }
            guard unsafe memcmp(base + position, from, first) == 0 else { return false }
            return unsafe first == theirs.count || memcmp(base, from + first, theirs.count - first) == 0
        }
    }

    /// How many of these bytes, from the first on, are the stream's from `offset` on. At most `end - offset`.
    ///
    /// - Precondition: `offset` is kept.
    /// - Complexity: byte by byte; for streams that differ.
    func matchingCount(_ bytes: Span<UInt8>, at offset: Int) -> Int {
        let count = min(bytes.count, end - offset)
        for index in 0..<count where bytes[index] != byte(at: offset + index) { return index }
        return count
    }

    /// Copies a stretch of the stream.
    ///
    /// - Precondition: the stretch is kept.
    func copy(_ offsets: Range<Int>) -> [UInt8] {
        offsets.map { byte(at: $0) }
    }

    private func byte(at offset: Int) -> UInt8 {
        precondition(offset >= start && offset < end, "offset \(offset) is outside \(start)..<\(end)")
        return unsafe base.load(fromByteOffset: offset & (capacity - 1), as: UInt8.self)
    }
}
