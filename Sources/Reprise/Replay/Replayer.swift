// The second driver of `Engine.apply`: events come from the log, deliveries go to whoever asked.

internal import NIOCore

/// Replays one session and compares it with what was recorded.
///
/// Owner: one thread.
public struct Replayer: ~Copyable {
    let log: EventLog
    let session: Session
    private(set) var engine: Engine
    var feed: ReplayFeed
    /// What `step` has read and not applied in whole.
    var open = OpenBatch()
    /// The plan of the last batch; kept for its storage.
    private var plan = DeliveryPlan()
    private var checkpointsVerified = 0
    /// Bytes of the records that were applied.
    private var recordBytes: UInt64 = 0
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
        let first = engine.projection.position.next
        let feed = try ReplayFeed(
            log, from: first, routes: engine.session?.configuration.routes ?? .default, comparingFrom: start ?? first)
        self.log = log
        self.first = first
        self.feed = feed
        self.session = session
        self.trimmedEvents = trimmedEvents
        self.engine = engine
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
        guard try finishOpenBatch(through: last, sink) else { return report }
        feed.end = end(last)
        var batch = ReplayBatch()
        while feed.next <= feed.end {
            try feed.read(into: &batch)
            if try isEnd(batch) { break }
            apply(batch, sink)
        }
        return report
    }

    /// The same once and for all, with the log read and checked ahead of the engine on another core, where there is one.
    public consuming func runReadingAhead(
        through last: Position? = nil,
        sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void = { _, _, _ in }
    ) async throws(LogError) -> ReplayReport {
        guard try finishOpenBatch(through: last, sink) else { return report }
        feed.end = end(last)
        var stream = feed.stream()
        while engine.projection.position < feed.end {
            let batch = try await stream.next()
            if try isEnd(batch) { break }
            apply(batch, sink)
            stream.giveBack(batch)
        }
        return report
    }

    /// Applies what steps have read and not applied.
    ///
    /// - Returns: whether there is more to apply behind it.
    private mutating func finishOpenBatch(
        through last: Position?, _ sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void
    ) throws(LogError) -> Bool {
        while !open.isApplied { guard try step(through: last, sink: sink) != nil else { return false } }
        return true
    }

    /// Where a replay up to `last` ends.
    func end(_ last: Position?) -> Position { min(last ?? Position(.max), session.last ?? Position(.max)) }

    /// What was found so far.
    public var report: ReplayReport {
        var counts = engine.counts
        counts.events -= skipped.events
        return ReplayReport(
            session: session.id, first: first, trimmedEvents: trimmedEvents, last: engine.projection.position,
            counts: counts, recordBytes: recordBytes, deliveries: engine.digest.deliveries - skipped.deliveries,
            digest: engine.digest.value,
            memberSet: engine.projection.memberSet, checkpointsVerified: checkpointsVerified, divergence: divergence)
    }

    /// Whether a batch is the end of the log.
    ///
    /// - Throws: `damaged` if the session, or one of its checkpoints, reaches further.
    func isEnd(_ batch: ReplayBatch) throws(LogError) -> Bool {
        guard batch.events.isEmpty else { return false }
        try checkTail(feed.end)
        return true
    }

    private func checkTail(_ end: Position) throws(LogError) {
        let checkpoint = try log.checkpoint(atOrBefore: end)
        // Read after the checkpoint: a server that appends meanwhile only moves the tail further away.
        let tail = try log.tail().position
        guard let promised = session.last ?? checkpoint?.position, min(promised, end) > tail else { return }
        throw .damaged(position: tail.next, reason: "the record is missing: session \(session.id) reaches \(promised)")
    }

    /// Applies a batch, and compares with each of its checkpoints when its position is reached.
    private mutating func apply(
        _ batch: ReplayBatch, _ sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void
    ) {
        var open = OpenBatch(batch)
        for checkpoint in batch.checkpoints { apply(&open, through: checkpoint.position, sink) }
        if let last = batch.events.last { apply(&open, through: last.position, sink) }
    }

    /// Applies a part of a batch, up to a position of it that is not behind its next checkpoint.
    mutating func apply(
        _ open: inout OpenBatch, through last: Position,
        _ sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void
    ) {
        guard let range = open.take(through: last) else { return }
        let decided = open.batch.decided
        engine.apply(
            decided.events.span.extracting(range), ordering: decided.deliveries.span.extracting(range), into: &plan)
        sink(decided.events[range], plan, engine)
        noteRoutes(open.batch.divergence, through: last)
        if let checkpoint = open.takeCheckpoint(at: last) { compare(with: checkpoint) }
        recordBytes = open.batch.recordBytes
    }

    /// Takes over the first difference of a route, unless it lies further on or another difference was first.
    private mutating func noteRoutes(_ found: Divergence?, through position: Position) {
        guard divergence == nil, let found, found.position <= position else { return }
        divergence = found
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
