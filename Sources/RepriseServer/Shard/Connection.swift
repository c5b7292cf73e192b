// One WebSocket on its event loop: the socket, its outbox, its parser. Decisions are in `Outbox` and `FrameParser`; this
// class executes them.

internal import NIOCore
internal import Reprise

/// Why a connection is ended, and what its client is told.
struct Ending {
    var cause: DisconnectCause
    var code: CloseCode
    var reason: String

    init(cause: DisconnectCause, code: CloseCode, reason: String? = nil) {
        self.cause = cause
        self.code = code
        self.reason = reason ?? code.reason
    }
}

/// One WebSocket.
///
/// Owner: its event loop; not `Sendable`.
final class Connection {
    /// Where the connection stands. Closing has one authority, this loop: the first cause wins.
    enum Lifecycle {
        /// The connect intent is on its way; reads are held.
        case opening
        /// It is in the log, and open.
        case open
        /// The end was decided.
        case closing(Ending)
        /// The socket is gone, and the disconnect intent is on its way or done.
        case closed
    }

    let id: ConnectionID
    let gateway: Gateway
    /// Seals what is sent; `nil` without TLS.
    let secureSocket: SecureSocket?
    private var handshake: ByteBuffer
    var lifecycle = Lifecycle.opening
    var outbox = Outbox()
    var parser: FrameParser
    /// How much of `--message-rate` it has used up.
    var messageRateState: RateLimit.State = 0

    /// The socket; −1 from the moment that it must not be used any more. The kernel reuses numbers at once, and a late
    /// send would reach a stranger.
    var descriptor: CInt = -1 {
        didSet { if descriptor < 0 { shard.leaveIdle(self) } }
    }
    /// The index in the shard's member list; −1 outside of it.
    var memberIndex = -1
    /// The index among the shard's idle connections; −1 outside of them.
    var idleIndex = -1
    /// The place in the loop's account of what is kept.
    var edgeSlot = EdgeMemory.Slot.none
    /// When bytes last went either way; while it is idle, the shard knows better.
    private(set) var lastTraffic = NIODeadline.uptimeNanoseconds(0)
    /// Whether the client is there.
    var liveness = Liveness(.uptimeNanoseconds(0))
    /// When it was activated, by the loop's clock.
    private(set) var openedAt = NIODeadline.uptimeNanoseconds(0)
    /// When bytes last went either way, by the wall clock, for the management API.
    var lastTrafficTime: Timestamp { gateway.wallClock(at: shard.lastTraffic(of: self)) }

    var context: ChannelHandlerContext?
    /// Bytes that came before the activation, or that found too much in flight. While there are any, nothing more is read.
    var unparsed: ByteBuffer?
    var isReadHeld = false
    var isReadWanted = false
    /// Whether what the client sends is read.
    var isReading: Bool { hasStartedReading && !isReadHeld && unparsed == nil }
    private var hasStartedReading = false
    /// Whether `transmit` waits for its turn.
    private(set) var hasContinuation = false
    private var closeDeadline: Scheduled<Void>?

    init(id: ConnectionID, gateway: Gateway, secureSocket: SecureSocket? = nil, handshake: ByteBuffer) {
        self.secureSocket = secureSocket
        self.id = id
        self.gateway = gateway
        self.handshake = handshake
        parser = FrameParser(limits: gateway.frameLimits)
    }

    var shard: Shard { gateway.shard }

    func noteTraffic(_ now: NIODeadline) { lastTraffic = now }

    // MARK: Opening

    /// The connect is in the log: the 101 goes out, then the stream from `offset` on, and reads are released.
    func activate(at offset: UInt64, now: NIODeadline) {
        openedAt = now
        lastTraffic = now
        liveness = Liveness(now)
        guard case .opening = lifecycle else { return }  // the client left before
        lifecycle = .open
        outbox.activate(at: offset, handshake: handshake)
        handshake = ByteBuffer()
        gateway.onOpen?()
    }

    /// The connect was refused by the log.
    func refuse() {
        guard case .opening = lifecycle else { return }
        lifecycle = .closed
        let reply = gateway.completed(.unavailable("The log cannot take new connections"))
        context?.writeAndFlush(NIOAny(reply.encoded()), promise: nil)
        closeSocket()
    }

    /// The 101 is on its way: what the client sent early is taken in, and reads are released. Once.
    func startReading() {
        guard case .open = lifecycle, !hasStartedReading else { return }
        hasStartedReading = true
        releaseRead()
    }

    // MARK: Sending

    /// Sends what waits, until nothing does or the socket is full. Not more than a few stretches in one go: other
    /// connections of the loop have their turn.
    func transmit() {
        if let secureSocket { return transmit(through: secureSocket) }
        guard descriptor >= 0, outbox.channelBytes == 0, !hasContinuation else {
            return shard.noteProgress(of: self)  // what waits needs the ring until its turn comes
        }
        var rounds = 4
        while outbox.hasOutput(head: shard.ring.head) || goOn() {
            if rounds == 0 { return continueLater() }
            rounds -= 1
            let blocked = shard.withScratch { scratch in
                outbox.copyStretch(from: shard.ring, limit: Shard.stretchBytesMax, into: &scratch)
                switch SocketWriter.send(scratch, to: descriptor) {
                case .took(let count):
                    noteSent { outbox.took(count, head: shard.ring.head) }
                    return count < scratch.readableBytes
                case .blocked:
                    return true
                case .failed:
                    shard.markBroken(self)
                    return false
                }
            }
            if descriptor < 0 { break }
            if blocked { return waitForSocket() }
        }
        shard.noteProgress(of: self)
        closeIfDone()
    }

    func continueLater() {
        hasContinuation = true
        shard.noteProgress(of: self)
        let connection = NIOLoopBound(self, eventLoop: shard.eventLoop)
        shard.eventLoop.execute {
            connection.value.hasContinuation = false
            connection.value.transmit()
            connection.value.shard.closeBroken()
        }
    }

    /// The socket is full: the channel gets a few bytes, so that NIO waits for writability, and says when they left.
    func waitForSocket() {
        shard.noteProgress(of: self)
        guard outbox.channelBytes == 0, let context else { return }
        var bytes = ByteBuffer()
        outbox.handToChannel(from: shard.ring, into: &bytes)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { self.channelFlushed() }
        context.writeAndFlush(NIOAny(bytes), promise: promise)
    }

    func channelFlushed() {
        noteSent { outbox.channelFlushed(head: shard.ring.head) }
        continueLater()
    }

    /// The kernel took bytes; pings of ours, which are not counted as sent, are no traffic.
    func noteSent(_ took: () -> Void) {
        let before = outbox.bytesSent(head: shard.ring.head)
        took()
        if outbox.bytesSent(head: shard.ring.head) > before { noteTraffic(shard.eventLoop.now) }
    }

    /// Sends a pong or a refusal at the next frame boundary.
    func sendControl(_ frame: ByteBuffer, _ purpose: Outbox.Purpose) {
        outbox.addControl(frame, purpose, ring: shard.ring)
        transmit()
        shard.closeBroken()
    }

    /// The log refused a message of this client.
    func sendRefusal(of request: RequestID) {
        guard case .open = lifecycle else { return }
        var payload = ByteBuffer()
        payload.writeErrorFrame("Internal server error", connection: id, request: request)
        var frame = ByteBuffer()
        FrameEncoder.append(
            .text, payload: payload.readableBytesSpan, frameBytesMax: payload.readableBytes, to: &frame)
        sendControl(frame, .refusal)
    }

    // MARK: Closing

    /// Decides the end, if nothing has before: what is in flight is completed, then the Close goes out.
    func end(_ ending: Ending) {
        switch lifecycle {
        case .closing, .closed:
            return
        case .opening:
            // There is no WebSocket yet, so there is nobody to send a Close to.
            lifecycle = .closing(ending)
            return closeSocket()
        case .open:
            lifecycle = .closing(ending)
        }
        var close = ByteBuffer()
        FrameEncoder.appendClose(ending.code, reason: ending.reason, to: &close)
        let skipped = outbox.freeze(close: close, ring: shard.ring, performedThrough: shard.performedThrough)
        if let skipped { shard.record(skipped, of: id) }
        shard.noteProgress(of: self)
        closeDeadline = shard.eventLoop.assumeIsolated().scheduleTask(in: gateway.closeTimeout) {
            self.closeSocket(reset: true)
        }
        releaseRead()
        transmit()
    }

    /// Ends the socket once the Close has left and nobody waits for an answer.
    func closeIfDone() {
        guard case .closing(let ending) = lifecycle, outbox.closeHasLeft else { return }
        if parser.isFinished, ending.cause != .protocol {
            closeSocket()  // both Closes are through
        } else if parser.isFinished {
            // After a violation nothing of the client is read any more; it sees the Close and the end of the stream.
            endOutput()
        }
    }

    private func endOutput() {
        guard descriptor >= 0 else { return }
        if let secureSocket { secureSocket.endOutput(of: descriptor) } else { SocketWriter.endOutput(of: descriptor) }
    }

    /// The client's Close came in while ours was on its way or through.
    func peerAnsweredClose() { closeIfDone() }

    /// Ends the socket now.
    ///
    /// - Parameter reset: throws away what the kernel still holds, so that a client that does not read costs nothing.
    func closeSocket(reset: Bool = false) {
        if reset, descriptor >= 0 { SocketWriter.resetOnClose(descriptor) }
        descriptor = -1
        context?.close(promise: nil)
    }

    /// The socket is gone, whoever ended it: exactly one disconnect intent.
    func socketEnded() {
        descriptor = -1
        context = nil
        unparsed = nil
        parser.abandon()
        if edgeSlot != .none { gateway.keep(0, for: self) }
        closeDeadline?.cancel()
        let remains = outbox.finish(ring: shard.ring, performedThrough: shard.performedThrough)
        if let skipped = remains.skipped { shard.record(skipped, of: id) }
        shard.noteProgress(of: self)
        var ending = Ending(cause: .lost, code: .abnormal)
        switch lifecycle {
        case .closed: return
        case .closing(let decided): ending = decided
        case .opening, .open: break
        }
        lifecycle = .closed
        gateway.submit(
            .disconnected(
                Disconnected(
                    connection: id, request: gateway.makeRequestID(), code: ending.code, reason: ending.reason,
                    cause: ending.cause,
                    deliveredThrough: remains.deliveredThrough > .zero ? remains.deliveredThrough : nil,
                    bytesSent: outbox.bytesSent(head: shard.ring.head))))
    }
}
