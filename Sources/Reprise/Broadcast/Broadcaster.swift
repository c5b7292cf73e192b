// Turns events into frames: who gets what, and which bytes. Whether an event addresses a connection, and with which
// bytes, is a function of the event, `sessionStarted` and the events about this connection alone.

internal import NIOCore

/// Encodes a batch's frames into a `DeliveryPlan`, reading the projection as it was before each event.
struct Broadcaster: Sendable {
    /// The recorded routes and limits of the session.
    var configuration: EngineConfiguration
    /// The stream offset of the next broadcast byte.
    private(set) var streamOffset: UInt64 = 0
    /// The payload being built; kept for its capacity.
    private var payload = ByteBuffer()

    init(configuration: EngineConfiguration) {
        self.configuration = configuration
    }

    /// Starts to count stream offsets anew.
    mutating func beginStream() { streamOffset = 0 }

    /// Adds what a message orders.
    mutating func deliver(
        _ message: Message, at position: Position, to projection: Projection, plan: inout DeliveryPlan,
        digest: inout DeliveryDigest
    ) {
        payload.clear()
        switch message.outcome {
        case .refused(let refusal):
            payload.writeErrorFrame(refusal.message, connection: message.connection, request: message.request)
            deliver(.text, to: message.connection, at: position, projection, &plan, &digest)
        case .route(let key):
            guard let index = configuration.routes.index(of: key) else { return }
            configuration.routes.appendPayload(of: index, body: message.body.readableBytesSpan, to: &payload)
            switch configuration.routes.routes[index].action {
            case .broadcast(let source):
                deliver(source.opcode(of: message), at: position, projection, &plan, &digest)
            case .reply(let source):
                deliver(source.opcode(of: message), to: message.connection, at: position, projection, &plan, &digest)
            }
        }
    }

    /// Adds what a management call ordered.
    mutating func deliver(
        _ sent: Sent, at position: Position, to projection: Projection, plan: inout DeliveryPlan,
        digest: inout DeliveryDigest
    ) {
        payload.clear()
        payload.writeImmutableBuffer(sent.body)
        let recipients: Int
        switch sent.target {
        case .everyone:
            recipients = projection.count
            deliver(sent.opcode, at: position, projection, &plan, &digest)
        case .connection(let connection):
            recipients = projection[connection] == nil ? 0 : 1
            deliver(sent.opcode, to: connection, at: position, projection, &plan, &digest)
        }
        plan.outcomes.append(DeliveryPlan.Outcome(position: position, recipients: recipients))
    }

    /// `payload` to everyone.
    private mutating func deliver(
        _ opcode: MessageOpcode, at position: Position, _ projection: Projection, _ plan: inout DeliveryPlan,
        _ digest: inout DeliveryDigest
    ) {
        guard projection.count > 0 else { return }
        digest.add(
            at: position, count: projection.count, recipients: projection.memberSet, opcode: opcode,
            payload: payload.readableBytesSpan)
        FrameEncoder.append(
            opcode, payload: payload.readableBytesSpan, frameBytesMax: configuration.frameBytesMax,
            to: &plan.run.bytes)
        streamOffset = plan.run.end
        plan.run.marks.append(FrameRun.Mark(position: position, end: streamOffset))
    }

    /// `payload` to one connection, if it is live.
    private mutating func deliver(
        _ opcode: MessageOpcode, to connection: ConnectionID, at position: Position, _ projection: Projection,
        _ plan: inout DeliveryPlan, _ digest: inout DeliveryDigest
    ) {
        guard let member = projection[connection] else { return }
        digest.add(
            at: position, count: 1, recipients: member.hash, opcode: opcode, payload: payload.readableBytesSpan)
        let start = plan.targeted.writerIndex
        FrameEncoder.append(
            opcode, payload: payload.readableBytesSpan, frameBytesMax: configuration.frameBytesMax,
            to: &plan.targeted)
        plan.exceptions.append(
            DeliveryPlan.Exception(
                connection: connection, offset: streamOffset,
                change: .frame(position, start..<plan.targeted.writerIndex)))
    }
}

extension PayloadSource {
    /// JSON is text whatever frame it came in; a message that is passed on keeps its opcode.
    fileprivate func opcode(of message: Message) -> MessageOpcode {
        switch self {
        case .data: .text
        case .message: message.opcode
        }
    }
}
