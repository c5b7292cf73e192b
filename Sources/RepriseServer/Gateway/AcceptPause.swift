internal import Glibc
internal import NIOCore

/// Lets the listener rest where the kernel has no descriptor or no memory for another socket: the client stays in the queue,
/// and would be tried again at once and for ever.
///
/// NIO's `AcceptBackoffHandler` holds reads back, and behind an accept that fails there is none: the last one is still pending.
final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let time = TimeAmount.milliseconds(100)

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that has gone already says nothing about the next.
        guard let error = error as? IOError, error.errnoCode != ECONNABORTED else { return }
        try? context.channel.syncOptions?.setOption(.autoRead, value: false)
        context.eventLoop.assumeIsolated().scheduleTask(in: AcceptPause.time) {
            try? context.channel.syncOptions?.setOption(.autoRead, value: true)
        }
    }
}

@available(*, unavailable)
extension AcceptPause: Sendable {}
