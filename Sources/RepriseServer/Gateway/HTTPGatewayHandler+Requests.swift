// What a request is for, and what is answered.

internal import NIOCore
internal import NIOHTTP1

extension HTTPGatewayHandler {
    /// What is made of a head: what it is for, if this caller may ask for it.
    func request(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) -> IncomingRequest {
        let received = ReceivedHead(head)
        return IncomingRequest(
            received.head, for: received.refusal.map(RequestPurpose.refusal) ?? purpose(of: received.head, context))
    }

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

    func answer(_ request: IncomingRequest, _ context: ChannelHandlerContext) {
        let head = request.head
        switch request.purpose {
        case .health: reply(management.health().toProbe(head.method), context)
        case .ready:
            reply(management.ready(isStopping: gateway.admission.isStopping).toProbe(head.method), context)
        case .handshake: upgrade(head, context)
        case .connections(let connection):
            let call = ManagementCall(method: head.method, connection: connection, payload: request.body)
            reply(management.perform(call), context)
        case .player:
            let call = ManagementCall(method: head.method, connection: nil, payload: request.body)
            reply(management.askPlayer(call), context)
        case .refusal(let refusal): reply(refusal, context)
        }
    }

    private func reply(_ answer: EventLoopFuture<HTTPReply>, _ context: ChannelHandlerContext) {
        answer.assumeIsolated().whenSuccess { reply in self.reply(reply, context) }
    }
}
