// The handshake, after which a socket is a `Connection`.

internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket
internal import Reprise

extension HTTPGatewayHandler {
    func upgrade(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }  // a pipelined request of a client that has left
        if case .refused(let refusal) = gateway.admission.decide(head, now: gateway.shard.eventLoop.now) {
            return reply(refusal, context)
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
                self.reply(.badRequest("Bad Request"), context)
            }
        }
    }

    private func becomeConnection(
        _ head: HTTPRequestHead, _ headers: HTTPHeaders, _ context: ChannelHandlerContext
    ) {
        let secureSocket: SecureSocket?
        do {
            // Without TLS nobody is asked for a handler that is not there. With TLS nothing may be sent without one.
            secureSocket =
                gateway.configuration.isSecure
                ? try context.pipeline.syncOperations.handler(type: SecureSocket.self) : nil
        } catch {
            gateway.connectionLeft()
            context.close(promise: nil)
            return
        }
        let id = gateway.makeConnectionID()
        let connection = Connection(
            id: id, gateway: gateway, secureSocket: secureSocket,
            handshake: HTTPGatewayHandler.handshake(headers, of: id))
        let connected = UpgradeRequest.connected(
            head, connection: connection.id, request: gateway.makeRequestID(),
            sourceIP: gateway.configuration.trustedProxies.source(
                peer: context.remoteAddress?.ipAddress ?? "", fields: head.headers["x-forwarded-for"]),
            stage: gateway.configuration.stage, redacted: gateway.configuration.redactedHeaders)
        do {
            try context.channel.syncOptions?.setOption(.recvAllocator, value: gateway.receiveBuffer)
            secureSocket?.becomeWebSocket(of: connection)
            let pipeline = context.pipeline.syncOperations
            try pipeline.addHandler(connection)
            machine.upgraded()
            // The decoder leaves last: what it has read already then goes straight to the connection.
            pipeline.removeHandler(self, promise: nil)
            pipeline.removeHandler(decoder, promise: nil)
        } catch {
            gateway.connectionLeft()
            return machine.fail()
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
