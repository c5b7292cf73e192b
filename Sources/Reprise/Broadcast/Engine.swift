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

    /// Folds a batch of committed events and derives its deliveries.
    ///
    /// - Parameter events: in order of position, without a gap after what was applied before.
    /// - Complexity: O(1) per event and payload byte, whatever the number of live connections.
    public mutating func apply(_ events: [Event]) -> DeliveryPlan {
        var plan = emptyPlan
        apply(events, adding: &plan)
        return plan
    }

    /// A plan that orders nothing, behind what was applied.
    public var emptyPlan: DeliveryPlan {
        var plan = DeliveryPlan()
        plan.begin(after: projection.position, streamOffset: streamOffset)
        return plan
    }

    /// The same, added to the plan of the batches right before: the result is the plan of all of them as one batch.
    public mutating func apply(_ events: [Event], adding plan: inout DeliveryPlan) {
        precondition(plan.last == projection.position, "a plan up to \(plan.last) goes on at \(projection.position)")
        var matches = NoMatches()
        add(events.span, matches: &matches, to: &plan)
    }

    /// The same for any collection, which is copied.
    public mutating func apply(_ events: some Collection<Event>) -> DeliveryPlan { apply(Array(events)) }

    /// The same into a plan whose storage is used again.
    ///
    /// - Parameter matches: spares a second scan of bodies; it has no part in the result.
    mutating func apply(
        _ events: Span<Event>, matches: inout some MatchSource, into plan: inout DeliveryPlan
    ) {
        plan.begin(after: projection.position, streamOffset: streamOffset)
        add(events, matches: &matches, to: &plan)
    }

    private mutating func add(
        _ events: Span<Event>, matches: inout some MatchSource, to plan: inout DeliveryPlan
    ) {
        for index in events.indices { apply(events[index], &matches, &plan) }
        plan.last = projection.position
        streamOffset = plan.run.end
    }

    @inline(__always)
    private mutating func apply(_ event: Event, _ matches: inout some MatchSource, _ plan: inout DeliveryPlan) {
        let position = event.position
        precondition(
            position == projection.position.next, "event \(position) was applied after \(projection.position)")
        counts.events += 1
        switch event.fact {
        case .message(let message):
            counts.messages += 1
            broadcaster.deliver(
                message, at: position, match: matches.next(), to: projection, plan: &plan,
                digest: &digest)
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
