// The HTTP half of a socket's life: management calls, health, and the handshake after which it becomes a `Connection`.

internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket
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

    private let gateway: Gateway
    private let management: ManagementAPI
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
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

    init(gateway: Gateway, management: ManagementAPI, decoder: ByteToMessageHandler<HTTPRequestDecoder>) {
        self.gateway = gateway
        self.management = management
        self.decoder = decoder
    }

    // MARK: Requests

    func handlerAdded(context: ChannelHandlerContext) {
        startDeadline(context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        deadline?.cancel()
    }

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
            context.close(promise: nil)
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
        let payload = isBodyTooLarge ? nil : body
        body = ByteBuffer()
        let call = ManagementCall(method: head.method, connection: connection, payload: payload)
        let answer = asksPlayer ? management.askPlayer(call) : management.perform(call)
        answer.assumeIsolated().whenSuccess { reply in
            self.reply(reply, to: head, context)
        }
    }

    private func reply(_ reply: HTTPReply, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        var reply = reply
        reply.headers.append(("x-amzn-RequestId", gateway.makeUUID()))
        // After a request that offers an upgrade the decoder stops, so a further one would never be answered.
        let keepAlive = head.isKeepAlive && !gateway.isStopping && !head.headers.contains(name: "upgrade")
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

    // MARK: The handshake

    private func upgrade(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }  // a pipelined request of a client that has left
        if let refusal = UpgradeRequest.refusal(of: head) { return reply(refusal, to: head, context) }
        if gateway.isStopping { return reply(.unavailable("The server is stopping"), to: head, context) }
        if let reason = gateway.gate.refusal { return reply(.unavailable(reason), to: head, context) }
        guard gateway.enterConnection() else {
            return reply(.unavailable("Too many connections"), to: head, context)
        }
        // The pure part of NIO's upgrader: it computes the headers of the 101, and completes at once.
        let upgrader = NIOWebSocketServerUpgrader(
            shouldUpgrade: { channel, _ in channel.eventLoop.makeSucceededFuture(HTTPHeaders()) },
            upgradePipelineHandler: { channel, _ in channel.eventLoop.makeSucceededVoidFuture() })
        upgrader.buildUpgradeResponse(
            channel: context.channel, upgradeRequest: head, initialResponseHeaders: HTTPHeaders()
        ).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let headers):
                self.becomeConnection(head, headers, context)
            case .failure:
                self.gateway.connectionLeft()
                self.reply(.error(.badRequest, "BadRequestException", "Bad Request"), to: head, context)
            }
        }
    }

    private func becomeConnection(
        _ head: HTTPRequestHead, _ headers: HTTPHeaders, _ context: ChannelHandlerContext
    ) {
        let id = gateway.makeConnectionID()
        let connection = Connection(
            id: id, gateway: gateway, handshake: HTTPGatewayHandler.handshake(headers, of: id))
        let connected = UpgradeRequest.connected(
            head, connection: connection.id, request: gateway.makeRequestID(),
            sourceIP: context.remoteAddress?.ipAddress ?? "", stage: gateway.configuration.stage,
            redacted: gateway.configuration.redactedHeaders)
        do {
            try context.channel.syncOptions?.setOption(.maxMessagesPerRead, value: 1)
            try context.channel.syncOptions?.setOption(.recvAllocator, value: gateway.receiveBuffer)
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandler(connection)
            // The decoder leaves last: what it has read already then goes straight to the connection.
            pipeline.removeHandler(self, promise: nil)
            pipeline.removeHandler(decoder, promise: nil)
        } catch {
            gateway.connectionLeft()
            context.close(promise: nil)
            return
        }
        gateway.shard.add(connection)
        gateway.submit(.connected(connected))
    }

    /// The 101. It tells the client its id, which AWS tells only back ends: tools that hold a connection can then be
    /// addressed.
    private static func handshake(_ headers: HTTPHeaders, of connection: ConnectionID) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("HTTP/1.1 101 Switching Protocols\r\n")
        for (name, value) in headers { buffer.writeString("\(name): \(value)\r\n") }
        buffer.writeString("x-reprise-connection-id: \(connection)\r\n\r\n")
        return buffer
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
