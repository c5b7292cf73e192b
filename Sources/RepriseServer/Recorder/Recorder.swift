// The single writer. Intents come in from the loops, one batch is committed while the next one gathers, then
// `Engine.apply` derives what to deliver, and every shard gets the plan in one hop.

internal import LMDB
internal import NIOCore
internal import Reprise

/// Stamps, records and applies intents.
///
/// Owner: its own event loop, because a sync must never block a socket. `@unchecked Sendable`: every mutable property is
/// confined to `eventLoop`, which each entry point checks in debug builds. Members are internal for the extensions beside
/// this file alone.
final class Recorder: @unchecked Sendable {
    let eventLoop: any EventLoop
    let clock: @Sendable () -> Timestamp
    let gate: LogGate
    let inFlight: InFlight
    let observations: [ShardObservation]
    let reserveBytes: Int
    let onFailure: @Sendable (ServerError) -> Void
    /// The run state while this server runs.
    let openRun: RunState

    var writer: LogWriter
    var engine: Engine
    var cadence = CheckpointCadence()
    var addenda = LogAddenda()
    /// The slowest commit since a checkpoint was written.
    var slowestCommit: Checkpoint.CommitTime?
    var shards: [Shard] = []

    var waiting: [Intent] = []
    /// What is committed and applied, and not on its way to the shards yet.
    private var held: HeldPlan?
    private var endOfPatience: Scheduled<Void>?
    /// Whether the last plan had more than one broadcast: then there are several senders, or a fast one.
    private var expectsMore = false
    var isCommitScheduled = false
    /// What is trimmed away, and how far it is.
    var retention: Retention
    /// Nothing is committed any more: the log failed, or the session has ended.
    var hasFailed = false
    /// Whether `sessionEnded` is committed.
    var hasEnded = false
    /// The next try to write, while the disk or the map is full.
    var retry: Scheduled<Void>?
    /// The periodic sync of `interval`.
    var syncing: RepeatedTask?
    /// Waits for the end of the session, once it is asked for.
    var ending: EventLoopPromise<Void>?

    /// The most events in a transaction.
    static let transactionEventsMax = 65_536
    /// The most payload bytes in a transaction, unless one message is larger.
    static let transactionBytesMax = 8 << 20
    /// The most events in a transaction that is tried again. Small ones touch few pages and give the pages of the one
    /// before back, so that the reserve suffices however old and wide the tables are.
    static let retryEventsMax = 64
    /// With fewer recipients a fan-out is too short to hold anything for it.
    static let holdRecipientsMin = 64
    /// How long a plan may be held for each live connection.
    static let holdPerRecipient = TimeAmount.microseconds(1)
    /// How long to wait before a failed commit is tried again.
    static let retryDelay = TimeAmount.milliseconds(100)

    init(
        eventLoop: any EventLoop, startup: consuming Startup, configuration: ServerConfiguration, gate: LogGate,
        inFlight: InFlight, observations: [ShardObservation], retentionStatus: RetentionStatus,
        clock: @escaping @Sendable () -> Timestamp, onFailure: @escaping @Sendable (ServerError) -> Void
    ) {
        self.eventLoop = eventLoop
        engine = startup.engine
        openRun = startup.openRun
        writer = startup.takeWriter()
        self.gate = gate
        self.inFlight = inFlight
        self.observations = observations
        self.clock = clock
        self.onFailure = onFailure
        reserveBytes = configuration.logReserveBytes
        retention = Retention(configuration, status: retentionStatus)
    }

    /// Connects the shards that plans go to. Once, before the first intent.
    func start(_ shards: [Shard]) {
        eventLoop.preconditionInEventLoop()
        self.shards = shards
    }

    // MARK: Taking intents

    /// Takes one loop turn's intents.
    func submit(_ intents: [Intent]) {
        eventLoop.assertInEventLoop()
        waiting += intents
        if hasFailed { keepFacts() } else { scheduleCommit() }
    }

    /// Commits behind everything that is queued on the loop already: that is the group.
    func scheduleCommit() {
        guard !isCommitScheduled else { return }
        isCommitScheduled = true
        eventLoop.execute { self.commitWaiting() }
    }

    func commitWaiting() {
        isCommitScheduled = false
        if retry != nil || hasFailed { return keepFacts() }
        let group = takeGroup()
        if !group.isEmpty { commit(group) }
        let patience = self.patience
        if patience <= .nanoseconds(0) || (group.isEmpty && !expectsMore) { sendPlan() }
        trimBesideCommits()
        guard retry == nil else { return }
        if !waiting.isEmpty || (held != nil && !group.isEmpty) {
            scheduleCommit()  // behind what was submitted during the commit
        } else if held != nil, endOfPatience == nil {
            endOfPatience = eventLoop.scheduleTask(in: patience) {
                self.endOfPatience = nil
                self.sendPlan()
            }
        }
    }

    /// Takes what fits into one transaction.
    func takeGroup(eventsMax: Int = transactionEventsMax) -> [Intent] {
        var bytes = 0
        var count = 0
        for intent in waiting {
            bytes += intent.weight.logBytes
            if count > 0, bytes > Recorder.transactionBytesMax || count == eventsMax { break }
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return count == waiting.count ? waiting : Array(waiting.prefix(count))
    }

    // MARK: Committing

    func commit(_ group: [Intent]) {
        let weight = IntentWeight(of: group)
        updateGate(before: weight.logBytes)
        var admitted = group
        if gate.isClosed {
            for intent in group where !intent.isFact { refuse(intent) }
            admitted.removeAll { !$0.isFact }
        }
        let live = dropImpossible(&admitted)
        guard !admitted.isEmpty else { return release(weight.memoryBytes) }

        let batch = stamp(admitted)
        collectObservation()
        let began = eventLoop.now
        do throws(LMDBError) {
            try writer.commit(batch.events, addenda: addenda)
        } catch {
            return commitFailed(error, admitted, weight)
        }
        noteCommit(since: began)
        addenda = LogAddenda()
        apply(batch, weight, replies: live)
        retention.note(events: batch.events.count, weight: weight.logBytes)
    }

    /// Drops disconnects whose connect is not in the log and will not be.
    ///
    /// - Returns: the replies that wait, in order of their `sent`.
    func dropImpossible(_ intents: inout [Intent]) -> [EventLoopPromise<SendOutcome>?] {
        var opened: Set<ConnectionID> = []
        intents.removeAll { intent in
            switch intent.fact {
            case .connected(let connected):
                opened.insert(connected.connection)
                return false
            case .disconnected(let disconnected):
                let connection = disconnected.connection
                return engine.projection[connection] == nil && !opened.contains(connection)
            case .message, .sent, .skipped, .sessionStarted, .sessionEnded:
                return false
            }
        }
        return intents.compactMap { intent in
            if case .sent = intent.fact { intent.reply } else { nil }
        }
    }

    /// Gives each intent its place. What it orders stays beside it.
    func stamp(_ intents: [Intent]) -> DecidedEvents {
        let time = max(writer.tail.time, clock())
        var position = writer.tail.position
        var batch = DecidedEvents()
        batch.reserveCapacity(intents.count)
        for intent in intents {
            position = position.next
            batch.append(Event(position: position, time: time, fact: intent.fact), ordering: intent.delivery)
        }
        return batch
    }

    // MARK: Performing

    /// Derives what committed events mean, behind what is held already.
    func apply(_ batch: DecidedEvents, _ weight: IntentWeight, replies: [EventLoopPromise<SendOutcome>?]) {
        var held = held.take() ?? HeldPlan(plan: engine.emptyPlan, weight: 0, since: eventLoop.now)
        let outcomesBefore = held.plan.outcomes.count
        engine.apply(batch, adding: &held.plan)
        held.weight += weight.memoryBytes
        for (outcome, reply) in zip(held.plan.outcomes[outcomesBefore...], replies) {
            reply?.succeed(.committed(outcome.position, recipients: outcome.recipients))
        }
        self.held = held
        noteCheckpoint(after: batch.events.count, endsSession: false)
    }

    /// How long what is held may still wait for more. A fan-out keeps its loop busy for about 8 µs per recipient however
    /// little it sends, and what comes in waits then for all of that. So up to an eighth of it is spent on not doing it
    /// twice: while something is waiting, or was in the last batch beside the first message.
    private var patience: TimeAmount {
        guard let held, held.weight < Recorder.transactionBytesMax, held.plan.run.end > held.plan.run.start,
            engine.projection.count >= Recorder.holdRecipientsMin
        else { return .nanoseconds(0) }
        return Recorder.holdPerRecipient * engine.projection.count - (eventLoop.now - held.since)
    }

    /// Sends what is held on its way.
    func sendPlan() {
        guard let held = held.take() else { return }
        endOfPatience?.cancel()
        endOfPatience = nil
        expectsMore = held.plan.run.marks.count > 1
        let ticket = BatchTicket(shards: shards.count, weight: held.weight)
        let plan = held.plan
        for shard in shards {
            shard.eventLoop.execute {
                shard.perform(plan)
                if ticket.countDown() { self.release(ticket.weight) }
            }
        }
    }

    func noteCheckpoint(after eventCount: Int, endsSession: Bool) {
        let due = cadence.note(events: eventCount, endsSession: endsSession)
        if due.checkpoint { addenda.checkpoints.append(engine.checkpoint) }
        if due.snapshot { addenda.snapshot = Snapshot(of: engine.projection) }
    }

    func collectObservation() {
        guard !addenda.checkpoints.isEmpty else { return }
        var observation = ShardObservation.combined(observations)
        observation.slowestCommit = slowestCommit
        for index in addenda.checkpoints.indices { addenda.checkpoints[index].observation = observation }
    }

    /// Notes how long the commit took that has just ended and wrote `addenda`.
    func noteCommit(since began: NIODeadline) {
        let took = UInt64(max(0, (eventLoop.now - began).nanoseconds))
        if !addenda.checkpoints.isEmpty { slowestCommit = nil }
        if let slowest = slowestCommit?.nanoseconds, slowest >= took { return }
        slowestCommit = Checkpoint.CommitTime(last: writer.tail.position, nanoseconds: took)
    }

    /// Any loop: a batch is performed, or was refused.
    func release(_ weight: Int) {
        if inFlight.remove(weight) {
            for shard in shards { shard.eventLoop.execute { shard.gateway?.releaseReads() } }
        }
    }
}

/// A plan that may still grow.
private struct HeldPlan {
    var plan: DeliveryPlan
    /// The weight of its intents.
    var weight: Int
    /// When its first commit was through.
    let since: NIODeadline
}
