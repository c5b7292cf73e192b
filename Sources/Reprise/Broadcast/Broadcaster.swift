// Turns deliveries into frames: who gets what, and which bytes. Whether an event addresses a connection, and with which
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

    /// Adds the delivery that a message orders.
    @inline(__always)
    mutating func deliver(
        _ delivery: Delivery, of message: Message, at position: Position, to projection: Projection,
        plan: inout DeliveryPlan, digest: inout DeliveryDigest
    ) {
        switch delivery.payload {
        case .body(let range):
            let payload = message.body.readableBytesSpan.extracting(range)
            deliver(payload, delivery, at: position, projection, &plan, &digest)
        case .carried(let text):
            deliver(text.readableBytesSpan, delivery, at: position, projection, &plan, &digest)
        case .rewritten(let slice):
            scratch.clear()
            CanonicalJSON.append(slice, of: message.body.readableBytesSpan, to: &scratch, with: &rewriter)
            deliver(scratch.readableBytesSpan, delivery, at: position, projection, &plan, &digest)
        case .error(let refusal):
            scratch.clear()
            scratch.writeErrorFrame(refusal.message, connection: message.connection, request: message.request)
            deliver(scratch.readableBytesSpan, delivery, at: position, projection, &plan, &digest)
        }
    }

    /// Adds what a management call ordered.
    func deliver(
        _ sent: Sent, at position: Position, to projection: Projection, plan: inout DeliveryPlan,
        digest: inout DeliveryDigest
    ) {
        let recipients =
            switch sent.target {
            case .everyone: projection.count
            case .connection(let connection): projection[connection] == nil ? 0 : 1
            }
        deliver(sent.body.readableBytesSpan, Delivery(of: sent), at: position, projection, &plan, &digest)
        plan.outcomes.append(DeliveryPlan.Outcome(position: position, recipients: recipients))
    }

    /// `payload` to whom the delivery says.
    @inline(__always)
    private func deliver(
        _ payload: RawSpan, _ delivery: Delivery, at position: Position, _ projection: Projection,
        _ plan: inout DeliveryPlan, _ digest: inout DeliveryDigest
    ) {
        switch delivery.target {
        case .everyone:
            deliverToEveryone(payload, delivery.opcode, at: position, projection, &plan, &digest)
        case .connection(let connection):
            deliver(payload, delivery.opcode, to: connection, at: position, projection, &plan, &digest)
        }
    }

    private func deliverToEveryone(
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
