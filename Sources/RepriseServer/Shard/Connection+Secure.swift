// A connection with TLS: no descriptor of it is ever used past its channel, or clear bytes would go out among encrypted
// ones. Its outbox, its place in the stream and the policies are those of any other connection.

internal import NIOCore
internal import NIOSSL
internal import Reprise

extension Connection {
    /// What the channel is given at once, bytes: a TLS record (RFC 8446 §5.1). It is encrypted at once, and waits for the
    /// client outside of every bound of ours.
    static let recordBytesMax = 16 << 10

    /// Hands the next stretch to the channel, if it has none; when that has left, the one after it.
    func transmitThroughChannel() {
        guard context != nil, outbox.channelBytes == 0 else { return shard.noteProgress(of: self) }
        if outbox.hasOutput(head: shard.ring.head) || goOn() { return waitForSocket() }
        shard.noteProgress(of: self)
        closeIfDone()
    }

    /// The client had its time: the socket ends without TLS's own goodbye, and what the kernel still holds is thrown away.
    func resetSecurely() {
        guard let context else { return }
        try? context.channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) {
            SocketWriter.resetOnClose($0)
        }
        context.closeAtOnce()
    }
}

extension ChannelHandlerContext {
    /// Ends the socket now. With TLS it ends without TLS's own goodbye: a client may leave that unanswered, and would keep its
    /// descriptor meanwhile, and go on sending.
    func closeAtOnce() {
        let tls = try? channel.pipeline.syncOperations.context(handlerType: NIOSSLServerHandler.self)
        (tls ?? self).close(promise: nil)
    }
}
