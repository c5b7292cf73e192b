// What this build makes of a recording, event by event: the form in which two builds are compared. It comes from the
// engine that serves, not from a second computation, so that it changes whenever what is served would.

public import NIOCore

/// Replays a session one event at a time and says of each what it came to.
///
/// Owner: one thread. As text, one JSON object a line; a line differs where two builds do, and it begins with a position.
public struct ReplayTrace: Sendable {
    /// What one event came to.
    public struct Step: Equatable, Sendable {
        /// The position of the event.
        public var position: Position
        /// What this build decides of a message, whatever was recorded; `nil` for other events.
        public var decided: RouteOutcome?
        /// Whether `decided` is what was recorded; true for other events.
        public var agrees: Bool
        /// How many connections the event's delivery went to.
        public var recipients: UInt64
        /// Bytes of the delivery's frames, headers included.
        public var frameBytes: Int
        /// XXH64 of these bytes; 0 where there are none.
        public var frames: UInt64
        /// `D` after the event.
        public var digest: UInt64
        /// `M` after the event.
        public var memberSet: UInt64

        /// Appends the step as a JSON object, without a line feed.
        public func append(to buffer: inout ByteBuffer) {
            buffer.beginJSON()
            buffer.writeJSON("position", position.rawValue)
            switch decided {
            case .route(let key)?: buffer.writeJSON("route", key)
            case .refused(let refusal)?: buffer.writeJSON("refused", refusal.word)
            case nil: break
            }
            if recipients > 0 {
                buffer.writeJSON("recipients", recipients)
                buffer.writeJSON("frameBytes", UInt64(frameBytes))
                buffer.writeJSON("frames", HexDigest(rawValue: frames).description)
            }
            buffer.writeJSON("digest", HexDigest(rawValue: digest).description)
            buffer.writeJSON("memberSet", HexDigest(rawValue: memberSet).description)
            buffer.endJSON()
        }
    }

    private let session: SessionID
    private let first: Position
    private var engine: Engine
    private var routes: DecidedRoutes
    private var plan = DeliveryPlan()

    /// Prepares the replay of a session from its start, or from the first of its events that the log holds.
    public init(_ log: EventLog, session: Session) throws(LogError) {
        self.session = session.id
        engine = try Engine(before: session, in: log)
        first = engine.projection.position.next
        routes = DecidedRoutes(engine.session?.configuration.routes ?? .default)
    }

    /// The next position to apply.
    public var next: Position { engine.projection.position.next }

    /// Applies a batch, and gives each event's step to `body`.
    ///
    /// - Parameter events: in order of position, without a gap from `next`.
    public mutating func apply(_ events: [Event], _ body: (Step) throws -> Void) rethrows {
        for event in events { try body(step(event)) }
    }

    private mutating func step(_ event: Event) -> Step {
        let deliveries = event.fact.startsSession ? 0 : engine.digest.deliveries
        let delivery = routes.decide(event)
        engine.apply(event, ordering: delivery, into: &plan)
        let frames = plan.run.bytes.readableBytes > 0 ? plan.run.bytes : plan.targeted
        let isDelivered = engine.digest.deliveries > deliveries
        return Step(
            position: event.position, decided: routes.decision.map { routes.routes.outcome(of: $0) },
            agrees: routes.agrees,
            recipients: engine.digest.deliveries - deliveries, frameBytes: isDelivered ? frames.readableBytes : 0,
            frames: isDelivered ? XXH64.hash(frames.readableBytesSpan) : 0, digest: engine.digest.value,
            memberSet: engine.projection.memberSet)
    }

    /// Appends what the whole replay came to as a JSON object, without a line feed: the last line of a session.
    public func appendEnd(to buffer: inout ByteBuffer) {
        let counts = engine.counts
        buffer.beginJSON()
        buffer.writeJSON("position", engine.projection.position.rawValue)
        buffer.writeJSON("session", session.rawValue)
        buffer.writeJSON("firstPosition", first.rawValue)
        buffer.writeJSON("events", counts.events)
        buffer.writeJSON("connects", counts.connects)
        buffer.writeJSON("disconnects", counts.disconnects)
        buffer.writeJSON("messages", counts.messages)
        buffer.writeJSON("sends", counts.sends)
        buffer.writeJSON("skips", counts.skips)
        buffer.writeJSON("deliveries", engine.digest.deliveries)
        buffer.writeJSON("digest", HexDigest(rawValue: engine.digest.value).description)
        buffer.writeJSON("memberSet", HexDigest(rawValue: engine.projection.memberSet).description)
        buffer.endJSON()
    }
}

extension Engine {
    /// An engine before the first event of a session that the log holds.
    ///
    /// A log whose beginning was taken away has a checkpoint and a snapshot where it begins.
    init(before session: Session, in log: EventLog) throws(LogError) {
        var checkpoint: Checkpoint?
        if let first = try log.firstPosition(), first > session.first {
            checkpoint = try log.checkpoint(atOrBefore: first.previous)
        }
        self = try Recovery.engine(of: log, session: session, at: checkpoint)
    }
}

extension Fact {
    /// Whether counting begins anew with it.
    fileprivate var startsSession: Bool {
        if case .sessionStarted = self { true } else { false }
    }
}
