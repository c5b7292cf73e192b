// What the secure sockets of one loop share, so that none of them keeps a buffer: one transport for all sessions, one slot for
// a record that is about to leave, one buffer for what was opened. And whose turn it is: a handshake costs a hundred times
// what a message does.

internal import NIOCore
internal import RepriseTLS

/// The shared part of a loop's TLS.
///
/// Owner: its event loop; not `Sendable`.
final class SecureLoop {
    /// Steps of handshakes that are taken before other sockets have their turn. One takes 0.1 ms, with an RSA key 0.7 ms.
    static let stepsMax = 8
    /// How long the rest waits at least: a task of the loop that is due runs before any socket is looked at.
    private static let pause = TimeAmount.microseconds(20)

    let transport = TLSTransport()
    /// One record, sealed; empty between two calls.
    var slot = ByteBufferAllocator().buffer(
        capacity: TLSSession.recordBytesMax + TLSSession.recordOverheadBytesMax)
    /// Records that leave together, for the fan-out; empty between two calls.
    var batch = SecureBatch()
    let gateway: Gateway
    private var spare: ByteBuffer?
    private var stepsLeft = SecureLoop.stepsMax
    private var waiting = CircularBuffer<SecureSocket>()
    private var isTurnScheduled = false

    init(_ gateway: Gateway) {
        self.gateway = gateway
    }

    // MARK: Buffers

    /// The loop's buffer for what is opened. Where too much is in flight it is one without storage, which then gets no more
    /// than it needs: what is in it may be kept.
    func bufferForOpened() -> ByteBuffer {
        guard !gateway.mustHoldReads, var buffer = spare.take() else { return ByteBuffer() }
        // Somebody may have kept a part of it; then it is theirs.
        let isOurs = buffer.modifyIfUniquelyOwned { $0.clear() } != nil
        return isOurs ? buffer : ByteBuffer()
    }

    /// Everything in the buffer was dealt with.
    func giveBackOpened(_ buffer: ByteBuffer) {
        // A record that came in parts is not of the size of one read.
        if buffer.storageCapacity > spare?.storageCapacity ?? 0, buffer.storageCapacity <= 2 * ReceiveBuffer.capacity {
            spare = buffer
        }
    }

    // MARK: Handshakes

    /// Whether a socket may go on with its handshake now; otherwise its `step` is called in a later turn of the loop.
    func admitStep(of socket: SecureSocket) -> Bool {
        scheduleTurn()
        if waiting.isEmpty, stepsLeft > 0 {
            stepsLeft -= 1
            return true
        }
        waiting.append(socket)
        return false
    }

    private func scheduleTurn() {
        guard !isTurnScheduled else { return }
        isTurnScheduled = true
        gateway.shard.eventLoop.assumeIsolated().scheduleTask(in: SecureLoop.pause) { self.takeTurn() }
    }

    private func takeTurn() {
        isTurnScheduled = false
        stepsLeft = SecureLoop.stepsMax
        while stepsLeft > 0, let socket = waiting.popFirst() {
            stepsLeft -= 1
            socket.step()
        }
        if !waiting.isEmpty { scheduleTurn() }
    }
}

@available(*, unavailable)
extension SecureLoop: Sendable {}
