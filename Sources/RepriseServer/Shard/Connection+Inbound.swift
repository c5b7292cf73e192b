// What the client sends, as NIO hands it over.

internal import NIOCore
internal import Reprise

extension Connection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        guard !isSecure else { return }
        descriptor =
            (try? context.channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }) ?? -1
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        socketEnded()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        closeSocket()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if case .opening = lifecycle {
            // At most what the HTTP decoder had read already, or one read; the kernel keeps the rest.
            earlyBytes.setOrWriteBuffer(&bytes)
        } else {
            receive(&bytes)
            if !isSecure { gateway.receiveBuffer.giveBack(bytes) }
        }
    }

    /// Back-pressure: while reads are held, the kernel keeps what comes.
    func read(context: ChannelHandlerContext) {
        if isReadHeld || earlyBytes != nil {
            isReadWanted = true
        } else if gateway.mustHoldReads {
            gateway.holdRead(of: self)
            isReadHeld = true
            isReadWanted = true
        } else {
            context.read()
        }
    }

    /// Lets reads through again.
    func releaseRead() {
        isReadHeld = false
        guard isReadWanted, earlyBytes == nil else { return }
        isReadWanted = false
        context?.read()
    }

    func takeEarlyBytes() {
        guard var bytes = earlyBytes else { return }
        earlyBytes = nil
        receive(&bytes)
    }

    private func receive(_ bytes: inout ByteBuffer) {
        let now = shard.eventLoop.now
        noteTraffic(now)
        while let inbound = gateway.parse(&bytes, for: self) {
            handle(inbound, now: now)
        }
    }

    private func handle(_ inbound: FrameParser.Inbound, now: NIODeadline) {
        guard case .open = lifecycle else {
            // Frozen: what comes in is discarded, but for the answer to our Close.
            if case .message(_, let range) = inbound { gateway.discardMessage(range) }
            if case .close = inbound { peerAnsweredClose() }
            return
        }
        switch inbound {
        case .message(_, let range) where gateway.configuration.ignoresMessages:
            gateway.discardMessage(range)
        case .message(_, let range) where gateway.messageRate?.admit(&messageRateState, now: now) == false:
            gateway.discardMessage(range)
            end(Ending(cause: .messageRate, code: .policyViolation, reason: "Too many messages a second"))
        case .message(let opcode, let range):
            gateway.submitMessage(of: id, opcode, range)
        case .ping(let payload):
            var frame = ByteBuffer()
            FrameEncoder.appendPong(payload.readableBytesSpan, to: &frame)
            sendControl(frame, .pong)
        case .pong:
            break
        case .close(let code, let reason):
            end(Ending(cause: .client, code: code, reason: reason.isEmpty && code == .noStatus ? nil : reason))
        case .violation(let code, let reason):
            end(Ending(cause: .protocol, code: code, reason: reason))
        }
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
