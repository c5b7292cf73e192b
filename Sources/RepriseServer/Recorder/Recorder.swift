// The single writer. Intents come in from the loops, one batch is committed while the next one gathers, then
// `Engine.apply` derives what to deliver, and every shard gets the plan in one hop. `CommitMachine` decides what comes next.

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
    let logTime: LogTime
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

    /// What comes next.
    var machine = CommitMachine()
    /// What is committed and applied, and not on its way to the shards yet.
    private var held: HeldPlan?
    private var endOfPatience: Scheduled<Void>?
    /// Whether the last plan had more than one broadcast: then there are several senders, or a fast one.
    private var expectsMore = false
    /// What is trimmed away, and how far it is.
    var retention: Retention
    /// Whether `sessionEnded` is committed.
    var hasEnded = false
    /// The next try to write, while the disk or the map is full.
    var retry: Scheduled<Void>?
    /// The periodic sync of `interval`.
    var syncing: RepeatedTask?
    /// Waits for the end of the session, once it is asked for.
    var ending: EventLoopPromise<Void>?

    /// With fewer recipients a fan-out is too short to hold anything for it.
    static let holdRecipientsMin = 64
    /// How long a plan may be held for each live connection.
    static let holdPerRecipient = TimeAmount.microseconds(1)
    /// How long to wait before a failed commit is tried again.
    static let retryDelay = TimeAmount.milliseconds(100)

    init(
        eventLoop: any EventLoop, startup: consuming Startup, configuration: ServerConfiguration, gate: LogGate,
        inFlight: InFlight, observations: [ShardObservation], retentionStatus: RetentionStatus, logTime: LogTime,
        clock: @escaping @Sendable () -> Timestamp, onFailure: @escaping @Sendable (ServerError) -> Void
    ) {
        self.eventLoop = eventLoop
        engine = startup.engine
        openRun = startup.openRun
        writer = startup.takeWriter()
        self.gate = gate
        self.inFlight = inFlight
        self.observations = observations
        self.logTime = logTime
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

    // MARK: Taking turns

    /// Takes one loop turn's intents.
    func submit(_ intents: [Intent]) {
        eventLoop.assertInEventLoop()
        machine.submit(intents)
        run()
    }

    /// Executes what the machine decides, until it waits for something.
    func run() {
        while let action = machine.next() { perform(action) }
    }

    private func perform(_ action: CommitMachine.Action) {
        switch action {
        case .commit(let group): commit(group)
        case .probe: probe()
        case .end: end()
        case .comeBack: eventLoop.execute { self.takeTurn() }
        case .openGate: openGate()
        case .waitForRoom: waitForRoom()
        case .refuse(let intents): refuse(intents)
        case .giveUp: giveUp()
        case .fail:
            giveUp()
            onFailure(failure)
        }
    }

    private func takeTurn() {
        let hasGathered = !machine.waiting.isEmpty
        machine.beginTurn()
        run()
        let patience = self.patience
        if patience <= .nanoseconds(0) || (!hasGathered && !expectsMore) { sendPlan() }
        trimBesideCommits()
        guard held != nil, machine.phase == .recording else { return }
        if hasGathered {
            machine.comeBack()  // behind what was submitted during the commit
            run()
        } else if endOfPatience == nil {
            endOfPatience = eventLoop.scheduleTask(in: patience) {
                self.endOfPatience = nil
                self.sendPlan()
            }
        }
    }

    // MARK: Committing

    private func commit(_ group: [Intent]) {
        updateGate(before: IntentWeight(of: group).logBytes)
        var admitted = group
        if gate.isClosed {
            refuse(group.filter { !$0.isFact })
            admitted.removeAll { !$0.isFact }
        }
        dropImpossible(&admitted)
        guard !admitted.isEmpty else { return machine.committed() }

        let batch = stamp(admitted)
        collectObservation()
        let began = eventLoop.now
        do throws(LMDBError) {
            try writer.commit(batch.events, addenda: addenda)
        } catch {
            return couldNotWrite(error, admitted)
        }
        noteCommit(since: began)
        addenda = LogAddenda()
        apply(batch, of: admitted)
        machine.committed()
    }

    /// Drops disconnects whose connect is not in the log and will not be.
    private func dropImpossible(_ intents: inout [Intent]) {
        var opened: Set<ConnectionID> = []
        var dropped = IntentWeight.zero
        intents.removeAll { intent in
            switch intent.fact {
            case .connected(let connected):
                opened.insert(connected.connection)
            case .disconnected(let disconnected):
                let connection = disconnected.connection
                guard engine.projection[connection] == nil && !opened.contains(connection) else { break }
                dropped += intent.weight
                return true
            case .message, .sent, .skipped, .sessionStarted, .sessionEnded:
                break
            }
            return false
        }
        if dropped.memoryBytes > 0 { release(dropped.memoryBytes) }
    }

    /// Gives each intent its place. What it orders stays beside it.
    private func stamp(_ intents: [Intent]) -> DecidedEvents {
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
    private func apply(_ batch: DecidedEvents, of intents: [Intent]) {
        var held = held.take() ?? HeldPlan(plan: engine.emptyPlan, weight: 0, since: eventLoop.now)
        let outcomesBefore = held.plan.outcomes.count
        engine.apply(batch, adding: &held.plan)
        let weight = IntentWeight(of: intents)
        held.weight += weight.memoryBytes
        answer(intents, held.plan.outcomes[outcomesBefore...])
        self.held = held
        noteCheckpoint(after: batch.events.count, endsSession: false)
        retention.note(events: batch.events.count, weight: weight.logBytes)
    }

    /// Tells management calls what became of them: each `sent` has an outcome, in order.
    private func answer(_ intents: [Intent], _ outcomes: ArraySlice<DeliveryPlan.Outcome>) {
        guard var next = outcomes.indices.first else { return }
        for intent in intents {
            guard case .sent = intent.fact else { continue }
            intent.reply?.succeed(.committed(outcomes[next].position, recipients: outcomes[next].recipients))
            next += 1
        }
    }

    /// How long what is held may still wait for more. A fan-out keeps its loop busy for about 8 µs per recipient however
    /// little it sends, and what comes in waits then for all of that. So up to an eighth of it is spent on not doing it
    /// twice: while something is waiting, or was in the last batch beside the first message.
    private var patience: TimeAmount {
        guard let held, held.weight < CommitMachine.transactionBytesMax, held.plan.run.end > held.plan.run.start,
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
        logTime.note(writer.tail.time)
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
