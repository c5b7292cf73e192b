// What the client sends, as NIO hands it over.

internal import NIOCore
internal import Reprise

extension Connection: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        descriptor = gateway.descriptor(context.channel) ?? -1
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        // What the client sent before it left counts. At the end of a stream NIO reads all of it, whatever is held.
        if case .open = lifecycle, var bytes = unparsed.take() { receive(&bytes, isLast: true) }
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
            unparsed.setOrWriteBuffer(&bytes)
            noteKept()
        } else if unparsed != nil {
            unparsed?.writeBuffer(&bytes)
            noteKept()
        } else {
            receive(&bytes)
            if unparsed == nil { giveBack(bytes) }
        }
    }

    /// Everything in the buffer was dealt with.
    private func giveBack(_ bytes: ByteBuffer) {
        if let secureSocket { secureSocket.giveBack(bytes) } else { gateway.receiveBuffer.giveBack(bytes) }
    }

    /// Back-pressure: while reads are held, the kernel keeps what comes.
    func read(context: ChannelHandlerContext) {
        if gateway.mustHoldReads { holdReads() }
        if isReadHeld || unparsed != nil {
            isReadWanted = true
        } else {
            context.read()
        }
    }

    private func holdReads() {
        guard !isReadHeld else { return }
        isReadHeld = true
        gateway.holdRead(of: self)
    }

    /// Lets reads through again, once what was read before is parsed.
    func releaseRead() {
        isReadHeld = false
        parseOn()
        guard isReadWanted, !isReadHeld, unparsed == nil else { return }
        if gateway.mustHoldReads { return holdReads() }
        isReadWanted = false
        context?.read()
    }

    /// Parses on when others have had their turn. A timer, because NIO runs all tasks that are due before it looks at sockets.
    private func parseLater() {
        guard !isReadHeld else { return }
        isReadHeld = true
        shard.eventLoop.assumeIsolated().scheduleTask(in: .microseconds(100)) { self.releaseRead() }
    }

    private func parseOn() {
        if case .opening = lifecycle { return }
        guard var bytes = unparsed.take() else { return }
        receive(&bytes)
    }

    /// How much of one client is written anew before others have their turn, bytes of its messages.
    private static let rewrittenBytesMax = 64 << 10

    /// Parses what came, as far as there is room for more in flight, and as far as it is cheap.
    ///
    /// - Parameter isLast: nothing comes behind it, and nobody can wait.
    private func receive(_ bytes: inout ByteBuffer, isLast: Bool = false) {
        let now = shard.eventLoop.now
        liveness.received(now)
        var isTraffic = false
        var pongs = Pongs()
        let rewrittenBytes = gateway.intents.rewrittenBytes
        while bytes.readableBytes > 0 {
            if !isLast, gateway.mustHoldReads, case .open = lifecycle {
                unparsed = bytes
                isTraffic = true
                holdReads()
                break
            }
            if !isLast, gateway.intents.rewrittenBytes - rewrittenBytes >= Connection.rewrittenBytesMax {
                unparsed = bytes
                isTraffic = true
                parseLater()
                break
            }
            guard let inbound = gateway.parse(&bytes, for: self) else {
                isTraffic = true
                break
            }
            if case .pong = inbound, liveness.receivedPong() { continue }
            isTraffic = true
            handle(inbound, now: now, &pongs)
        }
        if isTraffic { noteTraffic(now) }
        answer(&pongs)
        noteKept()
    }

    /// Says what the connection keeps of what its client sent. A little of it is free: while too much is in flight, each one may
    /// have to keep a scarce read.
    private func noteKept() {
        if case .closed = lifecycle { return }
        var kept = parser.heapByteCount + (unparsed?.storageCapacity ?? 0)
        if kept <= 2 * ReceiveBuffer.scarceCapacity { kept = 0 }
        if kept > 0 || edgeSlot != .none { gateway.keep(kept, for: self) }
    }

    /// Answers the pings of one read with one send.
    private func answer(_ pongs: inout Pongs) {
        guard let frames = pongs.take() else { return }
        sendControl(frames, .pong)
    }

    private func handle(_ inbound: FrameParser.Inbound, now: NIODeadline, _ pongs: inout Pongs) {
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
            answer(&pongs)
            end(Ending(cause: .messageRate, code: .policyViolation, reason: "Too many messages a second"))
        case .message(let opcode, let range):
            gateway.submitMessage(of: id, opcode, range)
        case .ping(let payload):
            pongs.add(answering: payload)
        case .pong:
            break
        case .close(let code, let reason):
            answer(&pongs)
            end(Ending(cause: .client, code: code, reason: reason.isEmpty && code == .noStatus ? nil : reason))
        case .violation(let code, let reason):
            answer(&pongs)
            end(Ending(cause: .protocol, code: code, reason: reason))
        }
    }
}

extension Connection: EdgeHolder {
    func endForMemory() {
        unparsed = nil
        switch lifecycle {
        case .closing, .closed:
            closeSocket(reset: true)
        case .opening, .open:
            parser.abandon()
            end(
                Ending(
                    cause: .protocol, code: .policyViolation, reason: "Unfinished for too long, and memory is scarce"))
        }
    }
}

/// The answers to the pings of one read. A client decides how many there are, and must not decide how much is sent: the first ones
/// are answered, and the latest one (RFC 6455 §5.5.3).
private struct Pongs {
    /// Room for the answers to the first ones; those of ten small pings fit.
    private static let bytesMax = 256

    private var frames = ByteBuffer()
    private var latest: ByteBuffer?

    mutating func add(answering ping: ByteBuffer) {
        if latest == nil, frames.readableBytes + ping.readableBytes + 2 <= Pongs.bytesMax {
            FrameEncoder.appendPong(ping.readableBytesSpan, to: &frames)
        } else {
            latest = ping
        }
    }

    /// The frames, if there are any.
    mutating func take() -> ByteBuffer? {
        if let latest { FrameEncoder.appendPong(latest.readableBytesSpan, to: &frames) }
        defer { self = Pongs() }
        return frames.readableBytes > 0 ? frames : nil
    }
}

@available(*, unavailable)
extension Connection: Sendable {}
