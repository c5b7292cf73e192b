internal import NIOCore

/// Buffers for what a secure socket receives before it is a WebSocket.
///
/// A channel keeps the first buffer that it was given for good (`NIOPooledRecvBufferAllocator`), so the first one is as
/// small as it can be: it takes the beginning of a record. With one message for each read it keeps no other; see
/// `ReceiveBuffer` for what `record` and `nextBufferSize` mean to a channel.
struct UnkeptBuffers: RecvByteBufferAllocator {
    private static let firstCapacity = 16
    /// A first flight and a request head fit; a body comes in several reads.
    private static let capacity = 4 << 10

    private var isFirst = true

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        allocator.buffer(capacity: isFirst ? UnkeptBuffers.firstCapacity : UnkeptBuffers.capacity)
    }

    func nextBufferSize() -> Int? { nil }

    mutating func record(actualReadBytes: Int) -> Bool {
        isFirst = false
        return true
    }
}
