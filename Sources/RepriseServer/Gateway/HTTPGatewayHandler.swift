// The HTTP half of a socket's life: management calls, health, and the handshake after which it becomes a `Connection`.

internal import NIOCore
internal import NIOHTTP1
internal import Reprise

/// Answers requests, one at a time and in their order: while one is being answered, further ones wait, and nothing is
/// read.
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
    let decoder: RequestDecoder.Handler
    private var isAnswering = false
    /// What the decoder had read already of requests behind the one that is being answered.
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isDraining = false
    private var isReadWanted = false
    /// Why what follows the request that is being answered cannot be read.
    private var unreadable: HTTPParserError?
    private var head: HTTPRequestHead?
    private var body = ByteBuffer()
    private var isBodyTooLarge = false
    private var deadline: Scheduled<Void>?
    /// The place among the loop's pending sockets.
    private var ticket: PendingSockets.Ticket?
    private var context: ChannelHandlerContext?

    init(gateway: Gateway, management: ManagementAPI, decoder: RequestDecoder.Handler) {
        self.gateway = gateway
        self.management = management
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
    func evict() { context?.closeAtOnce() }

    func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    /// A client that does not complete a request in time is cut off.
    private func startDeadline(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        deadline = context.eventLoop.assumeIsolated().scheduleTask(
            in: .seconds(gateway.configuration.handshakeTimeoutSeconds)
        ) {
            context.closeAtOnce()
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        if isAnswering { waiting.append(part) } else { take(part, context) }
    }

    func read(context: ChannelHandlerContext) {
        if isAnswering { isReadWanted = true } else { context.read() }
    }

    private func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            self.head = head
            body = ByteBuffer()
            isBodyTooLarge = false
        case .body(var part):
            if body.readableBytes + part.readableBytes > gateway.configuration.messageBytesMax {
                isBodyTooLarge = true
                body = ByteBuffer()
            } else if !isBodyTooLarge {
                body.writeBuffer(&part)
            }
        case .end:
            guard let head else { return }
            self.head = nil
            isAnswering = true
            answer(head, context)
        }
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

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let stage = gateway.configuration.stage
        if head.uri.utf8.count > gateway.configuration.targetBytesMax {
            return reply(.error(.uriTooLong, "URITooLongException", "URI Too Long"), to: head, context)
        }
        let segments = RequestTarget(head.uri).segments ?? []
        switch (segments.first, segments.count) {
        case ("health", 1) where head.method == .GET:
            reply(management.health(), to: head, context)
        case ("ready", 1) where head.method == .GET:
            reply(management.ready(isStopping: gateway.isStopping), to: head, context)
        case (stage, 1):
            upgrade(head, context)
        case (stage, 2...3) where segments[1] == "@connections":
            manage(head, segments.count == 3 ? segments[2] : nil, context)
        case (stage, 2) where segments[1] == "@replay":
            manage(head, nil, asksPlayer: true, context)
        default:
            reply(.forbidden, to: head, context)
        }
    }

    private func manage(
        _ head: HTTPRequestHead, _ connection: String?, asksPlayer: Bool = false, _ context: ChannelHandlerContext
    ) {
        deadline?.cancel()
        guard gateway.configuration.isManagementOpen || context.remoteAddress?.isLoopback == true else {
            return reply(.forbidden, to: head, context)
        }
        // A page that a browser on this machine shows is on loopback too.
        guard gateway.origins.admitsToManagement(head.headers.first(name: "origin")) else {
            return reply(.forbidden, to: head, context)
        }
        let payload = isBodyTooLarge ? nil : body
        body = ByteBuffer()
        let call = ManagementCall(method: head.method, connection: connection, payload: payload)
        let answer = asksPlayer ? management.askPlayer(call) : management.perform(call)
        answer.assumeIsolated().whenSuccess { reply in
            self.reply(reply, to: head, context)
        }
    }

    func reply(_ reply: HTTPReply, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let reply = gateway.completed(reply)
        // After a request that asks for another protocol the decoder stops, so a further one would never be answered.
        let staysHTTP = head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        let keepAlive = head.isKeepAlive && !gateway.isStopping && staysHTTP
        let bytes = reply.encoded(keepAlive: keepAlive, omitsBody: head.method == .HEAD)
        startDeadline(context)
        guard keepAlive else {
            // Nothing behind it is answered.
            let written = context.eventLoop.makePromise(of: Void.self)
            written.futureResult.assumeIsolated().whenComplete { _ in context.close(promise: nil) }
            return context.writeAndFlush(wrapOutboundOut(bytes), promise: written)
        }
        context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
        answered(context)
    }

    /// A request that cannot be parsed, or breaks a limit of the decoder.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
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
            default: .error(.badRequest, "BadRequestException", "Bad Request")
            }
        let request = HTTPRequestHead(version: .http1_0, method: .GET, uri: "/")  // 1.0: the reply closes
        reply(refused, to: head ?? request, context)
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
