// One socket's TLS. As the first handler of its pipeline it opens what comes, and seals HTTP; the frames of a WebSocket are
// sealed here, too, and leave past the pipeline by `send(2)`.
//
//      socket ──▶ open ──▶ HTTP, Connection.channelRead
//      socket ◀── seal ◀── HTTP
//      send(2) ◀─ seal ◀── Connection.transmit, the fan-out
//
// Sealed bytes cannot be sealed again. What the kernel does not take of a record is given to the channel, which waits for the
// socket; until it has left, nothing else is sealed. So a socket that takes nothing costs one record.

internal import NIOCore
internal import RepriseTLS

/// What became of a record.
enum SecureSending {
    /// The kernel took all of it.
    case left
    /// The kernel did not take this rest, sealed: it has to go through `finish`.
    case rest(ByteBuffer)
    /// The socket or the session is broken.
    case failed
}

/// TLS of one socket.
///
/// Owner: its event loop; not `Sendable`.
final class SecureSocket: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var session: TLSSession
    private let loop: SecureLoop
    private var context: ChannelHandlerContext?
    private var isEstablished = false
    private var record = TLSRecordFrame()
    /// What came of the handshake so far, which BoringSSL may keep; 0 behind it.
    private var handshakeBytes = 0
    private var isOver = false
    /// Whose bytes these are, once the socket is a WebSocket. It gives the buffers back in which they are opened.
    private var connection: Connection?
    private var isWebSocket = false
    /// The place in the loop's account of what is kept.
    var edgeSlot = EdgeMemory.Slot.none
    /// What came while it was the turn of other handshakes.
    private var waiting: ByteBuffer?
    private var isReadWanted = false

    init(_ session: consuming TLSSession, on loop: SecureLoop) {
        self.session = session
        self.loop = loop
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        connection = nil
        waiting = nil
        keep(0)
    }

    // MARK: Receiving

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else { return }
        var sealed = unwrapInboundIn(data)
        record.note(sealed)
        if !isEstablished { handshakeBytes += sealed.readableBytes }
        // A client that is within a long record lives, and is not heard of otherwise.
        connection?.liveness.received(loop.gateway.shard.eventLoop.now)
        if waiting != nil {
            waiting?.writeBuffer(&sealed)
        } else if isEstablished || loop.admitStep(of: self) {
            take(&sealed, context)
        } else {
            waiting = sealed
        }
        noteKept()
    }

    /// Says what is kept of what the client sent: a record or a handshake that has not ended, and what waits for its turn. A little of
    /// it is free, as it is to a WebSocket.
    private func noteKept() {
        if isEstablished { handshakeBytes = 0 }
        let kept = record.keptBytes + handshakeBytes + (waiting?.storageCapacity ?? 0)
        keep(kept > 2 * ReceiveBuffer.scarceCapacity ? kept : 0)
    }

    private func keep(_ bytes: Int) {
        if bytes > 0 || edgeSlot != .none { loop.gateway.keep(bytes, for: self) }
    }

    func read(context: ChannelHandlerContext) {
        if waiting != nil { isReadWanted = true } else { context.read() }
    }

    /// It is this socket's turn.
    func step() {
        guard var sealed = waiting.take(), let context else { return }
        take(&sealed, context)
        noteKept()
        guard isReadWanted else { return }
        isReadWanted = false
        context.channel.read()
    }

    private func take(_ sealed: inout ByteBuffer, _ context: ChannelHandlerContext) {
        var opened = isWebSocket ? loop.bufferForOpened() : ByteBuffer()
        var answer = ByteBuffer()
        var failure: TLSError?
        do {
            isOver = try session.open(&sealed, into: &opened, answer: &answer) == .ended
            isEstablished = isEstablished || session.isEstablished
        } catch {
            isOver = true
            failure = error
        }
        loop.gateway.receiveBuffer.giveBack(sealed)
        if failure == .plainHTTP { answer = refusal() }
        if answer.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(answer), promise: nil) }
        if opened.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(opened))
        } else if isWebSocket {
            loop.giveBackOpened(opened)
        }
        if let failure {
            context.fireErrorCaught(failure)
        } else if isOver {
            close(context: context, mode: .all, promise: nil)
        }
    }

    /// What a browser shows to somebody who has forgotten the s.
    private func refusal() -> ByteBuffer {
        loop.gateway.completed(.badRequest("This port speaks TLS: https:// and wss://")).encoded()
    }

    /// From now on what is opened goes to a `Connection`.
    func becomeWebSocket(of connection: Connection) {
        self.connection = connection
        isWebSocket = true
    }

    // MARK: Sending through the channel

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let plain = unwrapOutboundIn(data)
        var sealed = ByteBuffer()
        do {
            var next = 0
            while next < plain.readableBytes {
                let count = min(TLSSession.recordBytesMax, plain.readableBytes - next)
                try session.seal(plain.readableBytesSpan.extracting(next..<next + count), into: &sealed)
                next += count
            }
        } catch {
            promise?.fail(error)
            return
        }
        context.write(wrapOutboundOut(sealed), promise: promise)
    }

    /// Says goodbye and closes, without waiting for an answer: a client may leave it out, and would keep its descriptor
    /// meanwhile, and go on sending. A goodbye that the socket does not take at once is not said.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        var goodbye = ByteBuffer()
        if mode != .input { session.end(into: &goodbye) }
        if mode == .all { isOver = true }
        guard goodbye.readableBytes > 0 else { return context.close(mode: mode, promise: promise) }
        context.writeAndFlush(wrapOutboundOut(goodbye), promise: nil)
        // Who closes when a write has left is within that write, and the goodbye leaves after it.
        context.eventLoop.assumeIsolated().execute { context.close(mode: mode, promise: promise) }
    }

    /// Sends the rest of a record when the socket takes it.
    func finish(_ rest: ByteBuffer, _ promise: EventLoopPromise<Void>) {
        guard let context else { return promise.fail(ChannelError.ioOnClosedChannel) }
        context.writeAndFlush(wrapOutboundOut(rest), promise: promise)
    }

    // MARK: Sending past the channel

    /// Seals one record and sends it.
    ///
    /// - Precondition: nothing of this socket is with the channel.
    func send(_ plain: RawSpan, to descriptor: CInt) -> SecureSending {
        loop.slot.clear()
        guard seal(plain, into: &loop.slot) else { return .failed }
        return unsafe loop.slot.withUnsafeReadableBytes { record in
            unsafe SecureSending(SocketWriter.send(record, to: descriptor), of: record)
        }
    }

    /// Seals one record.
    ///
    /// - Returns: whether the session is good.
    func seal(_ plain: RawSpan, into slot: inout ByteBuffer) -> Bool {
        (try? session.seal(plain, into: &slot)) != nil
    }

    /// Tells the peer that nothing more comes, while it may still send.
    ///
    /// - Precondition: nothing of this socket is with the channel.
    func endOutput(of descriptor: CInt) {
        loop.slot.clear()
        session.end(into: &loop.slot)
        if loop.slot.readableBytes > 0 { _ = SocketWriter.send(loop.slot, to: descriptor) }
        SocketWriter.endOutput(of: descriptor)
    }

    /// Everything that was opened was dealt with.
    func giveBack(_ opened: ByteBuffer) { loop.giveBackOpened(opened) }
}

extension SecureSocket: EdgeHolder {
    func endForMemory() {
        if let connection { connection.endForMemory() } else { context?.channel.close(promise: nil) }
    }
}

@available(*, unavailable)
extension SecureSocket: Sendable {}
