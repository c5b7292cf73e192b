// The second driver of `Engine.apply`: events come from the log, deliveries go to whoever asked.

internal import NIOCore

/// Replays one session and compares it with what was recorded.
///
/// Owner: one thread.
public struct Replayer: ~Copyable {
    private let log: EventLog
    private let session: Session
    private var engine: Engine
    private var reader: LogReader
    private var routes: RouteComparison
    /// The plan of the last batch; kept for its storage.
    private var plan = DeliveryPlan()
    private var checkpointsVerified = 0
    private var divergence: Divergence?
    /// The first position to replay.
    private let first: Position
    /// Events and deliveries that lie before `first`, by the checkpoint that the replay starts from.
    private let skipped: (events: UInt64, deliveries: UInt64)
    /// Events of the session that were trimmed away.
    private let trimmedEvents: UInt64

    /// Prepares the replay of a session.
    ///
    /// - Parameter start: nothing before this position needs to be looked at. The replay starts after the last
    ///   checkpoint before it, whose digests are trusted, and with the live set of the last snapshot; `nil` starts, as
    ///   does a session without checkpoints, at `sessionStarted`. A session whose beginning was trimmed away starts at
    ///   the cut, whose digests and live set are trusted likewise.
    public init(_ log: EventLog, session: Session, from start: Position? = nil) throws(LogError) {
        var start = start
        var trimmedEvents: UInt64 = 0
        if let cut = try log.cut(), session.first <= cut.position {
            start = max(start ?? .zero, cut.position.next)
            trimmedEvents = cut.position.rawValue - session.first.rawValue + 1
        }
        let checkpoint: Checkpoint? =
            if let start, start > session.first {
                try log.checkpoint(atOrBefore: start.previous).flatMap { $0.position >= session.first ? $0 : nil }
            } else {
                nil
            }
        let engine = try Recovery.engine(of: log, session: session, at: checkpoint)
        let reader = try LogReader(log, from: engine.projection.position.next)
        self.log = log
        self.session = session
        self.trimmedEvents = trimmedEvents
        self.engine = engine
        self.reader = reader
        first = reader.next
        routes = RouteComparison(engine.session?.configuration.routes ?? .default, from: start ?? reader.next)
        skipped = (engine.counts.events, engine.digest.deliveries)
    }

    /// Replays up to `last`, or to the session's end.
    ///
    /// Every route is decided again and compared with the recorded one; the recorded one is applied. The digests are
    /// compared with every checkpoint on the way.
    ///
    /// - Parameter sink: is given each batch of events, the plan that they gave and the engine after them.
    /// - Throws: `damaged` where the log cannot be read, or ends before the session does. A difference is not an error:
    ///   the report holds it.
    public mutating func run(
        through last: Position? = nil,
        sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void = { _, _, _ in }
    ) throws(LogError) -> ReplayReport {
        let end = min(last ?? Position(.max), session.last ?? Position(.max))
        var events: [Event] = []
        while reader.next <= end {
            try reader.read(through: end, into: &events)
            guard let first = events.first?.position, let final = events.last?.position else {
                try checkTail(end)
                break
            }
            var start = 0
            for checkpoint in try log.checkpoints(from: first, through: final) {
                start = apply(events[start..<Int(checkpoint.position.next.rawValue - first.rawValue)], sink)
                compare(with: checkpoint)
            }
            _ = apply(events[start...], sink)
        }
        var counts = engine.counts
        counts.events -= skipped.events
        return ReplayReport(
            session: session.id, first: first, trimmedEvents: trimmedEvents, last: engine.projection.position,
            counts: counts,
            recordBytes: reader.bytesRead, deliveries: engine.digest.deliveries - skipped.deliveries,
            digest: engine.digest.value,
            memberSet: engine.projection.memberSet, checkpointsVerified: checkpointsVerified, divergence: divergence)
    }

    /// The log ends at `reader.next`. That is damage if the session, or one of its checkpoints, reaches further.
    private func checkTail(_ end: Position) throws(LogError) {
        let checkpoint = try log.checkpoint(atOrBefore: end)
        // Read after the checkpoint: a server that appends meanwhile only moves the tail further away.
        let tail = try log.tail().position
        guard let promised = session.last ?? checkpoint?.position, min(promised, end) > tail else { return }
        throw .damaged(position: tail.next, reason: "the record is missing: session \(session.id) reaches \(promised)")
    }

    /// Applies a part of the batch, which may be empty.
    ///
    /// - Returns: where the next part begins.
    private mutating func apply(
        _ events: ArraySlice<Event>, _ sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void
    ) -> Int {
        guard !events.isEmpty else { return events.endIndex }
        engine.apply(events.span, checking: &routes, into: &plan)
        if divergence == nil { divergence = routes.divergence }
        sink(events, plan, engine)
        return events.endIndex
    }

    private mutating func compare(with checkpoint: Checkpoint) {
        guard divergence == nil else { return }
        let replayed = engine.checkpoint
        if replayed.agrees(with: checkpoint) {
            checkpointsVerified += 1
        } else {
            divergence = Divergence(
                position: checkpoint.position,
                reason: "the checkpoint was recorded as \(checkpoint.summary), replay gives \(replayed.summary)")
        }
    }
}

extension Checkpoint {
    /// The compared fields in one line.
    public var summary: String {
        "D \(HexDigest(rawValue: digest)) M \(HexDigest(rawValue: memberSet)) live \(liveCount) events \(events) "
            + "deliveries \(deliveries)"
    }
}

extension RouteOutcome: CustomStringConvertible {
    /// The route, or the refusal, in words.
    public var description: String {
        switch self {
        case .route(let key): "route \(key)"
        case .refused(let refusal): "refused (\(refusal.message))"
        }
    }
}
