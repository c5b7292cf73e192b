// The join: the live path and every replay drive this one function. Nothing below it knows which of the two it is.

/// The deterministic core: folds committed events and derives their deliveries.
///
/// Owner: whoever drives it, one at a time; the Recorder's loop when live. Same events, same plans, same digests.
public struct Engine: Sendable {
    /// What happened since `sessionStarted`, by kind.
    public struct Counts: Equatable, Sendable {
        /// Events of every kind.
        public var events: UInt64 = 0
        /// `connected`.
        public var connects: UInt64 = 0
        /// `disconnected`.
        public var disconnects: UInt64 = 0
        /// `message`.
        public var messages: UInt64 = 0
        /// `sent`.
        public var sends: UInt64 = 0
        /// `skipped`.
        public var skips: UInt64 = 0
    }

    /// The live connection set after the last event.
    public private(set) var projection: Projection
    /// The running digest of deliveries.
    public private(set) var digest: DeliveryDigest
    /// Events since `sessionStarted`.
    public private(set) var counts: Counts
    /// The session of the last `sessionStarted`, if there was one.
    public private(set) var session: SessionStarted?
    private var broadcaster: Broadcaster
    /// The stream offset of the next broadcast byte.
    private var streamOffset: UInt64 = 0

    /// An engine before the first event of a session.
    ///
    /// - Parameter position: the position before the session's first event.
    public init(before position: Position = .zero) {
        projection = Projection(position: position)
        digest = DeliveryDigest()
        counts = Counts()
        broadcaster = Broadcaster(configuration: EngineConfiguration())
    }

    /// An engine in the middle of a session, as recovery makes it.
    ///
    /// - Parameters:
    ///   - started: the session's first fact.
    ///   - checkpoint: the digests to go on from. It counts events, not their kinds: `counts` is then partial.
    ///   - projection: the live connection set at the checkpoint's position.
    init(resuming started: SessionStarted, at checkpoint: Checkpoint, projection: Projection) {
        self.projection = projection
        digest = DeliveryDigest(value: checkpoint.digest, deliveries: checkpoint.deliveries)
        counts = Counts()
        counts.events = checkpoint.events
        session = started
        broadcaster = Broadcaster(configuration: started.configuration)
    }

    /// The engine's state as a checkpoint.
    public var checkpoint: Checkpoint {
        Checkpoint(
            position: projection.position, digest: digest.value, memberSet: projection.memberSet,
            liveCount: UInt64(projection.count), events: counts.events, deliveries: digest.deliveries)
    }

    /// A plan that orders nothing, behind what was applied.
    public var emptyPlan: DeliveryPlan {
        var plan = DeliveryPlan()
        plan.begin(after: projection.position, streamOffset: streamOffset)
        return plan
    }

    /// Folds a batch of committed events and encodes what they order, added to the plan of the batches right before: the
    /// result is the plan of all of them as one batch.
    ///
    /// - Parameter batch: in order of position, without a gap after what was applied before. Its decisions are those that
    ///   `Delivery.init(of:under:)` gives, which a debug build checks.
    /// - Complexity: O(1) per event and payload byte, whatever the number of live connections.
    public mutating func apply(_ batch: DecidedEvents, adding plan: inout DeliveryPlan) {
        precondition(plan.last == projection.position, "a plan up to \(plan.last) goes on at \(projection.position)")
        add(batch.events.span, ordering: batch.deliveries.span, to: &plan)
    }

    /// The same into a plan whose storage is used again.
    mutating func apply(_ events: Span<Event>, ordering deliveries: Span<Delivery?>, into plan: inout DeliveryPlan) {
        plan.begin(after: projection.position, streamOffset: streamOffset)
        add(events, ordering: deliveries, to: &plan)
    }

    /// Folds a batch of events of which only the log knows what they order: decides that, too.
    public mutating func apply(_ events: [Event]) -> DeliveryPlan {
        var plan = emptyPlan
        for event in events { apply(event, ordering: Delivery(of: event, under: configuration), &plan) }
        finish(&plan)
        return plan
    }

    /// The same for any collection, which is copied.
    public mutating func apply(_ events: some Collection<Event>) -> DeliveryPlan { apply(Array(events)) }

    /// Folds one event whose delivery is decided, into a plan whose storage is used again.
    mutating func apply(_ event: Event, ordering delivery: Delivery?, into plan: inout DeliveryPlan) {
        plan.begin(after: projection.position, streamOffset: streamOffset)
        apply(event, ordering: delivery, &plan)
        finish(&plan)
    }

    /// What the session goes by.
    var configuration: EngineConfiguration { broadcaster.configuration }

    private mutating func add(
        _ events: Span<Event>, ordering deliveries: Span<Delivery?>, to plan: inout DeliveryPlan
    ) {
        for index in events.indices {
            assert(isDecided(deliveries[index], of: events[index]), "\(events[index]) orders something else")
            apply(events[index], ordering: deliveries[index], &plan)
        }
        finish(&plan)
    }

    private mutating func finish(_ plan: inout DeliveryPlan) {
        plan.last = projection.position
        streamOffset = plan.run.end
    }

    /// Whether a delivery is what the event orders.
    private func isDecided(_ delivery: Delivery?, of event: Event) -> Bool {
        let decided = Delivery(of: event, under: configuration)
        return delivery?.target == decided?.target && delivery?.opcode == decided?.opcode
            && delivery?.payload(of: event) == decided?.payload(of: event)
    }

    @inline(__always)
    private mutating func apply(_ event: Event, ordering delivery: Delivery?, _ plan: inout DeliveryPlan) {
        let position = event.position
        precondition(
            position == projection.position.next, "event \(position) was applied after \(projection.position)")
        counts.events += 1
        switch event.fact {
        case .message(let message):
            counts.messages += 1
            if let delivery {
                broadcaster.deliver(delivery, of: message, at: position, to: projection, plan: &plan, digest: &digest)
            }
        case .sent(let sent):
            counts.sends += 1
            broadcaster.deliver(sent, at: position, to: projection, plan: &plan, digest: &digest)
        case .connected(let connected):
            counts.connects += 1
            plan.exceptions.append(
                DeliveryPlan.Exception(
                    connection: connected.connection, offset: plan.run.end,
                    change: .activate(position, event.time)))
        case .disconnected(let disconnected):
            counts.disconnects += 1
            plan.exceptions.append(
                DeliveryPlan.Exception(
                    connection: disconnected.connection, offset: plan.run.end, change: .deactivate))
        case .skipped(let skipped):
            counts.skips += 1
            plan.exceptions.append(
                DeliveryPlan.Exception(connection: skipped.connection, offset: plan.run.end, change: .skipped))
        case .sessionStarted(let started):
            session = started
            digest = DeliveryDigest()
            counts = Counts()
            counts.events = 1
            // The stream begins anew, also after a recovery that replayed an earlier session's deliveries; whoever these
            // addressed is gone.
            broadcaster = Broadcaster(configuration: started.configuration)
            let first = plan.first
            plan.begin(after: first.previous, streamOffset: 0)
        case .sessionEnded:
            break
        }
        Projector.fold(event, into: &projection)
    }
}
