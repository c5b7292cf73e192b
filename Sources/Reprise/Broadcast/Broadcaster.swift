// Turns events into frames: who gets what, and which bytes. Whether an event addresses a connection, and with which
// bytes, is a function of the event, `sessionStarted` and the events about this connection alone.

internal import NIOCore

/// Encodes a batch's frames into a `DeliveryPlan`, reading the projection as it was before each event.
struct Broadcaster: Sendable {
    /// The recorded routes and limits of the session.
    var configuration: EngineConfiguration
    /// A payload that has to be written anew; kept for its capacity.
    private var scratch = ByteBuffer()
    private var rewriter = JSONRewriter()

    init(configuration: EngineConfiguration) {
        self.configuration = configuration
    }

    /// Adds what a message orders.
    ///
    /// - Parameter match: where the payload is, if the driver has scanned the body already and come to the recorded
    ///   outcome; the body is not scanned again then.
    mutating func deliver(
        _ message: Message, at position: Position, match: RouteMatch?, to projection: Projection,
        plan: inout DeliveryPlan, digest: inout DeliveryDigest
    ) {
        switch message.outcome {
        case .refused(let refusal):
            scratch.clear()
            scratch.writeErrorFrame(refusal.message, connection: message.connection, request: message.request)
            deliver(
                scratch.readableBytesSpan, .text, to: message.connection, at: position, projection, &plan, &digest)
        case .route(let key):
            let body = message.body.readableBytesSpan
            guard let match = match ?? configuration.routes.match(body, recorded: key),
                case .route(let index) = match.decision
            else { return }
            let action = configuration.routes.actions[index]
            if let range = match.verbatimPayload(of: body) {
                deliver(body.extracting(range), message, action, at: position, projection, &plan, &digest)
            } else {
                scratch.clear()
                configuration.routes.appendPayload(of: match, body: body, to: &scratch, with: &rewriter)
                deliver(scratch.readableBytesSpan, message, action, at: position, projection, &plan, &digest)
            }
        }
    }

    /// Adds what a management call ordered.
    func deliver(
        _ sent: Sent, at position: Position, to projection: Projection, plan: inout DeliveryPlan,
        digest: inout DeliveryDigest
    ) {
        let payload = sent.body.readableBytesSpan
        let recipients: Int
        switch sent.target {
        case .everyone:
            recipients = projection.count
            deliver(payload, sent.opcode, at: position, projection, &plan, &digest)
        case .connection(let connection):
            recipients = projection[connection] == nil ? 0 : 1
            deliver(payload, sent.opcode, to: connection, at: position, projection, &plan, &digest)
        }
        plan.outcomes.append(DeliveryPlan.Outcome(position: position, recipients: recipients))
    }

    /// `payload` to whom the route's action says.
    @inline(__always)
    private func deliver(
        _ payload: RawSpan, _ message: Message, _ action: RouteAction, at position: Position,
        _ projection: Projection, _ plan: inout DeliveryPlan, _ digest: inout DeliveryDigest
    ) {
        switch action {
        case .broadcast(let source):
            deliver(payload, source.opcode(of: message), at: position, projection, &plan, &digest)
        case .reply(let source):
            deliver(
                payload, source.opcode(of: message), to: message.connection, at: position, projection, &plan, &digest)
        case .record: break
        }
    }

    /// `payload` to everyone.
    private func deliver(
        _ payload: RawSpan, _ opcode: MessageOpcode, at position: Position, _ projection: Projection,
        _ plan: inout DeliveryPlan, _ digest: inout DeliveryDigest
    ) {
        guard projection.count > 0 else { return }
        digest.add(
            at: position, count: projection.count, recipients: projection.memberSet, opcode: opcode, payload: payload)
        FrameEncoder.append(
            opcode, payload: payload, frameBytesMax: configuration.frameBytesMax, to: &plan.run.bytes)
        plan.run.marks.append(FrameRun.Mark(position: position, end: plan.run.end))
    }

    /// `payload` to one connection, if it is live.
    private func deliver(
        _ payload: RawSpan, _ opcode: MessageOpcode, to connection: ConnectionID, at position: Position,
        _ projection: Projection, _ plan: inout DeliveryPlan, _ digest: inout DeliveryDigest
    ) {
        guard let member = projection[connection] else { return }
        digest.add(at: position, count: 1, recipients: member.hash, opcode: opcode, payload: payload)
        let start = plan.targeted.writerIndex
        FrameEncoder.append(
            opcode, payload: payload, frameBytesMax: configuration.frameBytesMax, to: &plan.targeted)
        plan.exceptions.append(
            DeliveryPlan.Exception(
                connection: connection, offset: plan.run.end,
                change: .frame(position, start..<plan.targeted.writerIndex)))
    }
}

extension PayloadSource {
    /// JSON is text whatever frame it came in; a message that is passed on keeps its opcode.
    func opcode(of message: Message) -> MessageOpcode {
        switch self {
        case .data: .text
        case .message: message.opcode
        }
    }
}
