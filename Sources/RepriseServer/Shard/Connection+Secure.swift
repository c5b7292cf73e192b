// A connection with TLS: the same outbox, place in the stream and policies as any other; only the way to the kernel goes through
// `SecureSocket`. A record counts as sent when its last byte has left: until then its bytes are with the channel.

internal import NIOCore
internal import Reprise
internal import RepriseTLS

extension Connection {
    /// As many records as make up the stretches of a connection without TLS.
    private static let recordsMax = 4 * Shard.stretchBytesMax / TLSSession.recordBytesMax

    /// Sends what waits, record by record, until nothing does or the socket is full.
    func transmit(through socket: SecureSocket) {
        guard descriptor >= 0, outbox.channelBytes == 0, !hasContinuation else { return shard.noteProgress(of: self) }
        var records = Connection.recordsMax
        while outbox.hasOutput(head: shard.ring.head) || goOn() {
            if records == 0 { return continueLater() }
            records -= 1
            let sending = shard.withScratch { scratch in
                outbox.handToChannel(from: shard.ring, limit: TLSSession.recordBytesMax, into: &scratch)
                return socket.send(scratch.readableBytesSpan, to: descriptor)
            }
            switch sending {
            case .left:
                noteSent { outbox.channelFlushed(head: shard.ring.head) }
                continue
            case .rest(let rest):
                return waitForSocket(with: rest)
            case .failed:
                shard.markBroken(self)
            }
            break
        }
        shard.noteProgress(of: self)
        closeIfDone()
    }

    /// The socket is full: the channel gets the rest of the record, and says when it has left.
    func waitForSocket(with rest: ByteBuffer) {
        shard.noteProgress(of: self)
        guard let context, let secureSocket else { return }
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.channelFlushed() }
        secureSocket.finish(rest, promise)
    }
}
