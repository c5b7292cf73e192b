// One receive buffer for all WebSockets of a loop. NIO keeps a buffer for each channel, as large as the largest thing that
// was read from it; with many connections that are mostly silent, these are most of the memory.

internal import NIOCore

/// Lends the loop's receive buffer to the channel that reads next.
///
/// A channel keeps a buffer for reuse unless the allocator says that the next one may be larger (`record`) and leaves its
/// size open (`nextBufferSize`); the channel must read one message at a time, or it keeps a pool.
///
/// Owner: its event loop, which is why it is `@unchecked Sendable`: the protocol asks for it.
final class ReceiveBuffer: RecvByteBufferAllocator, @unchecked Sendable {
    /// Bytes that one read can bring.
    static let capacity = 64 << 10
    /// The same while too much is in flight: what is read then is kept by its connection, and every connection may have a read
    /// that was asked for before.
    static let scarceCapacity = 1 << 10

    private let inFlight: InFlight
    private var spare: ByteBuffer?

    init(inFlight: InFlight) {
        self.inFlight = inFlight
    }

    func buffer(allocator: ByteBufferAllocator) -> ByteBuffer {
        if inFlight.isFull { return allocator.buffer(capacity: ReceiveBuffer.scarceCapacity) }
        guard var buffer = spare.take() else { return allocator.buffer(capacity: ReceiveBuffer.capacity) }
        // Somebody may have kept a part of it; then it is theirs.
        let isOurs = buffer.modifyIfUniquelyOwned { $0.clear() } != nil
        return isOurs ? buffer : allocator.buffer(capacity: ReceiveBuffer.capacity)
    }

    func nextBufferSize() -> Int? { nil }

    func record(actualReadBytes: Int) -> Bool { true }

    /// Everything in the buffer was dealt with.
    func giveBack(_ buffer: ByteBuffer) {
        if buffer.storageCapacity >= ReceiveBuffer.capacity { spare = buffer }
    }
}
