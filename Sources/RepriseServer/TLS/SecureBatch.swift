// Records of several sockets, sealed one behind the other, so that one system call can send them.

internal import NIOCore
internal import RepriseTLS

/// Records that leave together.
///
/// Owner: its loop, which keeps the storage.
struct SecureBatch {
    /// What is sealed before it is sent: so little that it is still in the processor's cache.
    private static let bytesMax = 64 << 10

    private var slot = ByteBuffer()
    /// Where the record of each ends.
    private var ends: ContiguousArray<Int> = []
    private var descriptors: ContiguousArray<CInt> = []

    /// Whether it has to be sent before something else is added.
    var isFull: Bool { descriptors.count == SendQueue.batchMax || slot.readableBytes >= SecureBatch.bytesMax }

    /// Begins anew, in the same storage.
    mutating func clear() {
        slot.clear()
        ends.removeAll(keepingCapacity: true)
        descriptors.removeAll(keepingCapacity: true)
    }

    /// Seals one record of a socket.
    ///
    /// - Returns: whether the session is good.
    mutating func add(_ plain: RawSpan, of socket: SecureSocket, to descriptor: CInt) -> Bool {
        guard socket.seal(plain, into: &slot) else { return false }
        ends.append(slot.writerIndex)
        descriptors.append(descriptor)
        return true
    }

    /// Sends all, and returns when every one was tried.
    ///
    /// - Parameter shortfall: is given the index of each whose socket did not take everything, in the order of `add`.
    func send(through queue: SendQueue, shortfall: (Int, SecureSending) -> Void) {
        unsafe slot.withUnsafeReadableBytes { bytes in
            unsafe ends.withUnsafeBufferPointer { ends in
                let pieces = unsafe SendPieces(bytes, ends: ends)
                unsafe queue.send(pieces, to: descriptors.span) { index, result in
                    shortfall(index, unsafe SecureSending(result, of: pieces[index]))
                }
            }
        }
    }
}

extension SecureSending {
    /// What became of a record that was given to the kernel.
    init(_ result: SendResult, of record: UnsafeRawBufferPointer) {
        switch result {
        case .took(let count):
            self = unsafe count == record.count ? .left : .rest(ByteBuffer(bytes: record[count...]))
        case .blocked: self = unsafe .rest(ByteBuffer(bytes: record))
        case .failed: self = .failed
        }
    }
}
