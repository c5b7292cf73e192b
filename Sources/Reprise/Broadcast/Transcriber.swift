// What one connection is sent, made again from events alone. Invariant 8 makes this possible: whether an event addresses
// a connection, and with which bytes, does not depend on who else was live.

internal import NIOCore

/// Encodes the deliveries to one connection, as the live path did.
///
/// The live path's own `Broadcaster` does it, for an audience of one.
struct Transcriber: Sendable {
    private var broadcaster: Broadcaster
    private var audience = Projection()
    private var plan: DeliveryPlan
    private var digest = DeliveryDigest()  // the Broadcaster keeps one; nobody asks for this one

    /// A transcriber that begins at an offset of the connection's own stream.
    init(of connection: ConnectionID, _ configuration: EngineConfiguration, offset: UInt64) {
        broadcaster = Broadcaster(configuration: configuration)
        audience.open(connection, at: .zero)
        plan = DeliveryPlan()
        plan.begin(after: .zero, streamOffset: offset)
    }

    /// Everything so far, with a mark for each delivery.
    var run: FrameRun { plan.run }

    /// Adds what an event orders for the connection. The event lies between its `connected` and its `disconnected`.
    mutating func add(_ event: Event) {
        switch event.fact {
        case .message(let message):
            guard let delivery = Delivery(of: event, under: broadcaster.configuration) else { return }
            broadcaster.deliver(
                delivery, of: message, at: event.position, to: audience, plan: &plan, digest: &digest)
        case .sent(let sent):
            broadcaster.deliver(sent, at: event.position, to: audience, plan: &plan, digest: &digest)
            plan.outcomes.removeAll(keepingCapacity: true)
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded:
            return
        }
        guard !plan.exceptions.isEmpty else { return }
        // For this connection alone, there is no difference.
        plan.run.bytes.writeImmutableBuffer(plan.targeted)
        plan.run.marks.append(FrameRun.Mark(position: event.position, end: plan.run.end))
        plan.targeted.clear()
        plan.exceptions.removeAll(keepingCapacity: true)
    }
}
