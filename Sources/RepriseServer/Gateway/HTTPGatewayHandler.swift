// The HTTP half of a socket's life: management calls, health, and the handshake after which it becomes a `Connection`.

internal import NIOCore
internal import NIOHTTP1
internal import Reprise

/// Executes what an `HTTPExchangeMachine` decides: requests are answered one at a time and in their order, and until an answer
/// has left as a whole, further requests wait, and nothing is read. So a client that takes no answers makes the server keep one
/// of them, and nothing is in the channel when a request turns the socket into a WebSocket.
///
/// NIO's upgraders write the 101 themselves, and a direct send could overtake it; so the handshake is ours: at the end
/// of the request the HTTP handlers leave, and the connect intent is handed in. The 101 goes out when
/// `connected` is committed.
final class HTTPGatewayHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let gateway: Gateway
    let management: ManagementAPI
    let listener: Listener
    let decoder: RequestDecoder.Handler
    var machine: HTTPExchangeMachine
    private var isExecuting = false
    /// Whether the caller is of a user that may use the management API; asked once for a socket.
    var owner: SocketOwner?
    private var deadline: Scheduled<Void>?
    /// The place in the loop's account of what is kept.
    var edgeSlot = EdgeMemory.Slot.none
    /// The place among the loop's pending sockets.
    private var ticket: PendingSockets.Ticket?
    private var context: ChannelHandlerContext?

    init(gateway: Gateway, management: ManagementAPI, listener: Listener, decoder: RequestDecoder.Handler) {
        self.gateway = gateway
        self.management = management
        self.listener = listener
        self.decoder = decoder
        machine = HTTPExchangeMachine(bodyBytesMax: gateway.configuration.messageBytesMax)
    }

    // MARK: What happens

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let (ticket, evicted) = gateway.pending.add(self)
        self.ticket = ticket
        evicted?.evict()
        execute(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        machine.left()
        execute(context)
        self.context = nil
        if let ticket { gateway.pending.remove(ticket) }
    }

    /// There are too many sockets like this one and it is the oldest, or nobody is answered any more.
    func evict() {
        guard let context else { return }
        machine.evict()
        execute(context)
    }

    func channelInactive(context: ChannelHandlerContext) {
        machine.left()
        execute(context)
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard machine.isListening else { return }
        switch unwrapInboundIn(data) {
        case .head(let head): machine.receive(.head(request(head, context)))
        case .body(let part): machine.receive(.body(part))
        case .end: machine.receive(.end)
        }
        execute(context)
    }

    func read(context: ChannelHandlerContext) {
        machine.wantRead()
        execute(context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if let error = error as? HTTPParserError { machine.couldNotRead(error) } else { machine.fail() }
        execute(context)
    }

    /// The answer to the request is there.
    func reply(_ reply: HTTPReply, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }  // the client has left
        machine.answered(reply, isStopping: gateway.admission.isStopping)
        execute(context)
    }

    // MARK: What is done

    /// What an action has as its consequence comes back here from inside the loop, which then goes on.
    private func execute(_ context: ChannelHandlerContext) {
        guard !isExecuting else { return }
        isExecuting = true
        while let action = machine.next() { perform(action, context) }
        isExecuting = false
        let kept = machine.keptBytes
        if kept > 0 || edgeSlot != .none { gateway.keep(kept, for: self) }
    }

    private func perform(_ action: HTTPExchangeMachine.Action, _ context: ChannelHandlerContext) {
        switch action {
        case .read: context.read()
        case .readOn: context.channel.read()
        case .answer(let request): answer(request, context)
        case .writeProceed: write(HTTPReply.proceed, context)
        case .write(let reply, let head, let keepAlive):
            write(completed(reply, to: head, keepAlive: keepAlive), context)
        case .startDeadline(.handshake):
            startDeadline(context, in: .seconds(gateway.configuration.handshakeTimeoutSeconds))
        case .startDeadline(.close): startDeadline(context, in: gateway.closeTimeout)
        case .stopDeadline: deadline?.cancel()
        case .endOutput: context.close(mode: .output, promise: nil)
        case .endInput: context.close(mode: .input, promise: nil)
        case .close: context.close(promise: nil)
        }
    }

    /// A client that does not complete a request in time, or does not take a reply, is cut off.
    private func startDeadline(_ context: ChannelHandlerContext, in time: TimeAmount) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.machine.deadlinePassed()
            self.execute(context)
        }
    }

    private func write(_ bytes: ByteBuffer, _ context: ChannelHandlerContext) {
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { result in
            switch result {
            case .success: self.machine.written()
            case .failure: self.machine.couldNotWrite()
            }
            self.execute(context)
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
    }

    private func completed(_ reply: HTTPReply, to head: HTTPRequestHead, keepAlive: Bool) -> ByteBuffer {
        var reply = gateway.completed(reply)
        // With HTTP/1.0 a client waits for the end of the stream unless it is told that there is none.
        if keepAlive, head.version == .http1_0 { reply.headers.append(("Connection", "keep-alive")) }
        return reply.encoded(keepAlive: keepAlive, omitsBody: head.method == .HEAD)
    }
}

extension SocketAddress {
    /// Whether the peer is on this machine: 127.0.0.0/8, ::1, or the former mapped into IPv6.
    var isLoopback: Bool {
        guard let address = ipAddress else { return self.protocol == .unix }
        return address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}

extension HTTPGatewayHandler: EdgeHolder {
    func endForMemory() { evict() }
}

@available(*, unavailable)
extension HTTPGatewayHandler: Sendable {}
