// A connection with TLS: no descriptor of it is ever used past its channel, or clear bytes would go out among encrypted
// ones. Its outbox, its place in the stream and the policies are those of any other connection.

internal import NIOCore
internal import NIOSSL
internal import Reprise

extension Connection {
    /// Hands the next stretch to the channel, if it has none; when that has left, the one after it.
    func transmitThroughChannel() {
        guard context != nil, outbox.channelBytes == 0 else { return shard.noteProgress(of: self) }
        if outbox.hasOutput(head: shard.ring.head) || goOn() { return waitForSocket() }
        shard.noteProgress(of: self)
        closeIfDone()
    }

    /// The client had its time: the socket ends without TLS's own goodbye, and what the kernel still holds is thrown away.
    func resetSecurely() {
        guard let pipeline = context?.channel.pipeline.syncOperations else { return }
        try? pipeline.withUnsafeTransportIfAvailable(of: CInt.self) { SocketWriter.resetOnClose($0) }
        try? pipeline.context(handlerType: NIOSSLServerHandler.self).close(promise: nil)
    }
}
