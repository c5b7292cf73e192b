/// What the sockets of a batch are sent: all the same bytes, or each a piece of them.
@unsafe struct SendPieces {
    private let bytes: UnsafeRawBufferPointer
    /// Where each piece ends; empty where all sockets get everything.
    private let ends: UnsafeBufferPointer<Int>

    /// The same for all.
    init(same bytes: UnsafeRawBufferPointer) {
        unsafe self.bytes = bytes
        unsafe ends = UnsafeBufferPointer(start: nil, count: 0)
    }

    /// A piece for each, one behind the other.
    init(_ bytes: UnsafeRawBufferPointer, ends: UnsafeBufferPointer<Int>) {
        unsafe self.bytes = bytes
        unsafe self.ends = ends
    }

    /// What the socket of this index is sent.
    subscript(index: Int) -> UnsafeRawBufferPointer {
        guard unsafe !ends.isEmpty else { return unsafe bytes }
        let start = unsafe index == 0 ? 0 : ends[index - 1]
        return unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<ends[index]])
    }
}
