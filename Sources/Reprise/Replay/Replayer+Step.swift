// A replay event by event, for drivers that wait, stop or look around between two of them. It applies, checks and
// compares what `run` does, and comes to the same report.

/// One event of a replay, and what it came to.
public struct ReplayStep: Equatable, Sendable {
    /// The event.
    public var event: Event
    /// How many connections the delivery that it ordered went to; 0 where it ordered none.
    public var recipients: UInt64
    /// Digests and counts after it. Nothing was observed: that is for recordings.
    public var state: Checkpoint
}

extension Replayer {
    /// The live connection set after the last event that was applied.
    public var projection: Projection { engine.projection }

    /// Routes and limits that the session was recorded with; `nil` before its `sessionStarted`.
    public var configuration: EngineConfiguration? { engine.session?.configuration }

    /// The event that `step` would apply, or `nil` at the end.
    ///
    /// - Throws: `damaged`, as `run` does.
    public mutating func peek(through last: Position? = nil) throws(LogError) -> Event? {
        let end = end(last)
        if open.isApplied {
            guard feed.next <= end else { return nil }
            feed.end = end
            var batch = ReplayBatch()
            try feed.read(into: &batch)
            if try isEnd(batch) { return nil }
            open = OpenBatch(batch)
        }
        return open.next.flatMap { $0.position <= end ? $0 : nil }
    }

    /// Applies one event, and compares the state after it with the checkpoint that was recorded there, if there is one.
    ///
    /// - Parameter last: nothing after this position is applied.
    /// - Returns: what it came to, or `nil` at the end.
    /// - Throws: `damaged`, as `run` does.
    public mutating func step(through last: Position? = nil) throws(LogError) -> ReplayStep? {
        try step(through: last) { _, _, _ in }
    }

    /// The same, with the sink of `run`.
    mutating func step(
        through last: Position?, sink: (ArraySlice<Event>, DeliveryPlan, borrowing Engine) -> Void
    ) throws(LogError) -> ReplayStep? {
        guard let event = try peek(through: last) else { return nil }
        let before = engine.digest.deliveries
        var open = OpenBatch()
        swap(&open, &self.open)
        apply(&open, through: event.position, sink)
        swap(&open, &self.open)
        let after = engine.digest.deliveries
        // `sessionStarted` begins to count anew.
        let recipients = after >= before ? after - before : 0
        return ReplayStep(event: event, recipients: recipients, state: engine.checkpoint)
    }
}
