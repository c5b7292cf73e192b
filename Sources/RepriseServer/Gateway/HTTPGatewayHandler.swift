// The HTTP half of a socket's life: management calls, health, and the handshake after which it becomes a `Connection`.

internal import NIOCore
internal import NIOHTTP1
internal import Reprise

/// Answers requests, one at a time and in their order: until an answer has left as a whole, further requests wait, and
/// nothing is read. So a client that takes no answers makes the server keep one of them, and nothing is in the channel when a
/// request turns the socket into a WebSocket.
///
/// NIO's upgraders write the 101 themselves, and a direct send could overtake it; so the handshake is ours: at the end
/// of the request the HTTP handlers leave, and the connect intent is handed in. The 101 goes out when
/// `connected` is committed.
final class HTTPGatewayHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let gateway: Gateway
    private let management: ManagementAPI
    private let listener: Listener
    let decoder: RequestDecoder.Handler
    private var isAnswering = false
    /// What the decoder had read already of requests behind the one that is being answered.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isDraining = false
    /// Whether the last reply of this socket has left: what still comes is read and dropped.
    private var isOver = false
    private var isReadWanted = false
    /// Why what follows the request that is being answered cannot be read.
    private var unreadable: HTTPParserError?
    private var incoming: IncomingRequest?
    /// Whether the caller is of a user that may use the management API; asked once for a socket.
    private var owner: SocketOwner?
    private var deadline: Scheduled<Void>?
    /// The place among the loop's pending sockets.
    private var ticket: PendingSockets.Ticket?
    private var context: ChannelHandlerContext?

    init(gateway: Gateway, management: ManagementAPI, listener: Listener, decoder: RequestDecoder.Handler) {
        self.gateway = gateway
        self.management = management
        self.listener = listener
        self.decoder = decoder
    }

    // MARK: Requests

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        let (ticket, evicted) = gateway.pending.add(self)
        self.ticket = ticket
        evicted?.evict()
        startDeadline(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
        self.context = nil
        if let ticket { gateway.pending.remove(ticket) }
    }

    /// There are too many sockets like this one and it is the oldest, or nobody is answered any more.
    func evict() { context?.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    /// A client that does not complete a request in time is cut off.
    private func startDeadline(_ context: ChannelHandlerContext, in time: TimeAmount? = nil) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: time ?? .seconds(gateway.configuration.handshakeTimeoutSeconds)
        ) {
            context.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isOver { return }
        let part = unwrapInboundIn(data)
        if isAnswering { waiting.append(part) } else { take(part, context) }
    }

    func read(context: ChannelHandlerContext) {
        if isAnswering { isReadWanted = true } else { context.read() }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            let received = ReceivedHead(head)
            let purpose = received.refusal.map(RequestPurpose.refusal) ?? purpose(of: received.head, context)
            begin(IncomingRequest(received.head, for: purpose), context)
        case .body(var part):
            incoming?.take(&part, bytesMax: gateway.configuration.messageBytesMax)
        case .end:
            guard let request = incoming else { return }
            incoming = nil
            isAnswering = true
            answer(request, context)
        }
    }

    private func begin(_ request: IncomingRequest, _ context: ChannelHandlerContext) {
        switch request.interim(bytesMax: gateway.configuration.messageBytesMax) {
        case .nothing:
            incoming = request
        case .proceed:
            incoming = request
            // Until it has left as a whole nothing is read, as with a reply: a 101 might follow.
            isAnswering = true
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenSuccess { self.answered(context) }
            context.writeAndFlush(wrapOutboundOut(HTTPReply.proceed), promise: written)
        case .final(let reply):
            isAnswering = true
            self.reply(reply, to: request.head, context, isEarly: true)
        }
    }

    /// What the request is for, if this caller may ask for it.
    private func purpose(of head: HTTPRequestHead, _ context: ChannelHandlerContext) -> RequestPurpose {
        let configuration = gateway.configuration
        let purpose = RequestPurpose(
            of: head, stage: configuration.stage, targetBytesMax: configuration.targetBytesMax
        ).served(by: listener, admin: configuration.admin)
        guard purpose.isManagement else { return purpose }
        let caller = ManagementRule.Caller(address: context.remoteAddress, listener: listener) {
            let owner = self.owner ?? self.gateway.socketOwner(context.remoteAddress, context.localAddress)
            self.owner = owner
            return owner
        }
        guard let refusal = management.rule.refusal(of: head, from: caller) else { return purpose }
        return .refusal(refusal.reply)
    }

    /// A request was answered: on with the next. One that is answered at once comes back here from inside the loop, which
    /// then goes on: a client decides how many wait, and must not decide how deep the stack is.
    private func answered(_ context: ChannelHandlerContext) {
        isAnswering = false
        guard !isDraining else { return }
        isDraining = true
        while !isAnswering, !waiting.isEmpty { take(waiting.removeFirst(), context) }
        isDraining = false
        if !isAnswering, let unreadable { return refuse(unreadable, context) }
        guard !isAnswering, isReadWanted else { return }
        isReadWanted = false
        context.read()
    }

    private func answer(_ request: IncomingRequest, _ context: ChannelHandlerContext) {
        let head = request.head
        switch request.purpose {
        case .health: reply(management.health().toProbe(head.method), to: head, context)
        case .ready:
            reply(management.ready(isStopping: gateway.admission.isStopping).toProbe(head.method), to: head, context)
        case .handshake: upgrade(head, context)
        case .connections(let connection):
            let call = ManagementCall(method: head.method, connection: connection, payload: request.body)
            reply(management.perform(call), to: head, context)
        case .player:
            let call = ManagementCall(method: head.method, connection: nil, payload: request.body)
            reply(management.askPlayer(call), to: head, context)
        case .refusal(let refusal): reply(refusal, to: head, context)
        }
    }

    private func reply(
        _ answer: EventLoopFuture<HTTPReply>, to head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        deadline?.cancel()
        answer.assumeIsolated().whenSuccess { reply in self.reply(reply, to: head, context) }
    }

    /// - Parameters:
    ///   - isLast: nothing that follows can be answered.
    ///   - isEarly: the same, and the request may still be on its way.
    func reply(
        _ reply: HTTPReply, to head: HTTPRequestHead, _ context: ChannelHandlerContext, isLast: Bool = false,
        isEarly: Bool = false
    ) {
        guard context.channel.isActive else { return }
        var reply = gateway.completed(reply)
        // After a request that asks for another protocol the decoder stops, so a further one would never be answered.
        let staysHTTP = head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        let keepAlive = !isLast && !isEarly && head.persists && !gateway.admission.isStopping && staysHTTP
        // With HTTP/1.0 a client waits for the end of the stream unless it is told that there is none.
        if keepAlive, head.version == .http1_0 { reply.headers.append(("Connection", "keep-alive")) }
        let bytes = reply.encoded(keepAlive: keepAlive, omitsBody: head.method == .HEAD)
        startDeadline(context)  // for the client, to take the answer
        let written = context.eventLoop.makePromise(of: Void.self)
        written.futureResult.assumeIsolated().whenComplete { result in
            if isEarly, case .success = result { return self.endOutput(context) }
            guard keepAlive, case .success = result else { return context.close(promise: nil) }
            self.startDeadline(context)  // for its next request
            self.answered(context)
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
    }

    /// Ends the stream behind the last reply, and goes on reading for a while: a socket that is closed with bytes that nobody has
    /// read is reset, and the client may then lose a reply that it has not read yet (RFC 9112 §9.6).
    private func endOutput(_ context: ChannelHandlerContext) {
        isOver = true
        isAnswering = false
        waiting.removeAll()
        context.close(mode: .output, promise: nil)
        startDeadline(context, in: gateway.closeTimeout)
        if isReadWanted { context.read() }
    }

    /// A request that cannot be parsed, or breaks a limit of the decoder.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if isOver { return }
        guard let error = error as? HTTPParserError else {
            context.close(promise: nil)
            return
        }
        if isAnswering { unreadable = error } else { refuse(error, context) }
    }

    private func refuse(_ error: HTTPParserError, _ context: ChannelHandlerContext) {
        isAnswering = true
        let refused: HTTPReply =
            switch error {
            case .headerOverflow:
                .error(
                    .requestHeaderFieldsTooLarge, "RequestHeaderFieldsTooLargeException",
                    "Request Header Fields Too Large")
            default: .badRequest("Bad Request")
            }
        let unknown = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")
        reply(refused, to: incoming?.head ?? unknown, context, isLast: true)
        context.close(mode: .input, promise: nil)
    }
}

extension SocketAddress {
    /// Whether the peer is on this machine: 127.0.0.0/8, ::1, or the former mapped into IPv6.
    var isLoopback: Bool {
        guard let address = ipAddress else { return self.protocol == .unix }
        return address.hasPrefix("127.") || address == "::1" || address.hasPrefix("::ffff:127.")
    }
}

@available(*, unavailable)
extension HTTPGatewayHandler: Sendable {}
