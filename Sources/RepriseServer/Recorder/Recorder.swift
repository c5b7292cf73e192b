// The single writer. Intents come in from the loops, one batch is committed while the next one gathers, then
// `Engine.apply` derives what to deliver, and every shard gets the plan in one hop.

internal import LMDB
internal import NIOCore
internal import Reprise

/// Stamps, records and applies intents.
///
/// Owner: its own event loop, because a sync must never block a socket. `@unchecked Sendable`: every mutable property is
/// confined to `eventLoop`, which each entry point checks in debug builds.
final class Recorder: @unchecked Sendable {
    let eventLoop: any EventLoop
    private let clock: @Sendable () -> Timestamp
    private let gate: LogGate
    private let inFlight: InFlight
    private let observations: [ShardObservation]
    private let reserveBytes: Int
    private let onFailure: @Sendable (ServerError) -> Void
    /// The run state while this server runs.
    private let openRun: RunState

    private var writer: LogWriter
    private var engine: Engine
    private var tokens = TokenSource()
    private var cadence = CheckpointCadence()
    private var addenda = LogAddenda()
    private var shards: [Shard] = []

    private var waiting: [Intent] = []
    private var isCommitScheduled = false
    private var hasFailed = false
    private var retry: Scheduled<Void>?

    /// The most events in a transaction.
    static let transactionEventsMax = 65_536
    /// The most payload bytes in a transaction, unless one message is larger.
    static let transactionBytesMax = 8 << 20
    /// How long to wait before a failed commit is tried again.
    static let retryDelay = TimeAmount.milliseconds(100)

    init(
        eventLoop: any EventLoop, startup: consuming Startup, configuration: ServerConfiguration, gate: LogGate,
        inFlight: InFlight, observations: [ShardObservation],
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
    private func scheduleCommit() {
        guard !isCommitScheduled else { return }
        isCommitScheduled = true
        eventLoop.execute { self.commitWaiting() }
    }

    private func commitWaiting() {
        isCommitScheduled = false
        if retry != nil || hasFailed { return keepFacts() }
        let group = takeGroup()
        if !group.isEmpty { commit(group) }
        if !waiting.isEmpty, retry == nil { scheduleCommit() }
    }

    /// While nothing can be committed: facts stay, the rest is refused.
    private func keepFacts() {
        let refused = waiting.filter { !$0.isFact }
        for intent in refused { refuse(intent) }
        waiting.removeAll { !$0.isFact }
        release(refused.reduce(0) { $0 + $1.weight })
    }

    /// Takes what fits into one transaction.
    private func takeGroup() -> [Intent] {
        var bytes = 0
        var count = 0
        for intent in waiting {
            bytes += intent.weight
            if count > 0, bytes > Recorder.transactionBytesMax || count == Recorder.transactionEventsMax { break }
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return count == waiting.count ? waiting : Array(waiting.prefix(count))
    }

    // MARK: Committing

    private func commit(_ group: [Intent]) {
        let weight = group.reduce(0) { $0 + $1.weight }
        updateGate(before: weight)
        var admitted = group
        if gate.isClosed {
            for intent in group where !intent.isFact { refuse(intent) }
            admitted.removeAll { !$0.isFact }
        }
        let live = dropImpossible(&admitted)
        guard !admitted.isEmpty else { return release(weight) }

        let events = stamp(admitted)
        collectObservation()
        do throws(LMDBError) {
            try writer.commit(events, addenda: addenda)
        } catch {
            return commitFailed(error, admitted, weight)
        }
        addenda = LogAddenda()
        perform(events, BatchTicket(shards: shards.count, weight: weight), replies: live)
    }

    /// Drops disconnects whose connect is not in the log and will not be.
    ///
    /// - Returns: the replies that wait, in order of their `sent`.
    private func dropImpossible(_ intents: inout [Intent]) -> [EventLoopPromise<SendOutcome>?] {
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

    private func stamp(_ intents: [Intent]) -> [Event] {
        let time = max(writer.tail.time, clock())
        var position = writer.tail.position
        return intents.map { intent in
            position = position.next
            return Event(position: position, time: time, fact: intent.fact)
        }
    }

    /// Applies committed events and sends the plan on its way.
    private func perform(_ events: [Event], _ ticket: BatchTicket, replies: [EventLoopPromise<SendOutcome>?]) {
        let plan = engine.apply(events)
        for shard in shards {
            shard.eventLoop.execute {
                shard.perform(plan)
                if ticket.countDown() { self.release(ticket.weight) }
            }
        }
        for (outcome, reply) in zip(plan.outcomes, replies) {
            reply?.succeed(.committed(outcome.position, recipients: outcome.recipients))
        }
        noteCheckpoint(after: events, endsSession: false)
    }

    private func noteCheckpoint(after events: [Event], endsSession: Bool) {
        let due = cadence.note(events: events.count, endsSession: endsSession)
        if due.checkpoint { addenda.checkpoints.append(engine.checkpoint) }
        if due.snapshot { addenda.snapshot = Snapshot(of: engine.projection) }
    }

    private func collectObservation() {
        guard !addenda.checkpoints.isEmpty else { return }
        let observation = ShardObservation.combined(observations)
        for index in addenda.checkpoints.indices { addenda.checkpoints[index].observation = observation }
    }

    /// Any loop: a batch is performed, or was refused.
    private func release(_ weight: Int) {
        if inFlight.remove(weight) {
            for shard in shards { shard.eventLoop.execute { shard.gateway?.releaseReads() } }
        }
    }

    // MARK: Refusing and failing

    /// Closes the gate when the log comes near its bound. It opens again when there is room (after a trim, or when a
    /// retry shows that the disk has room again).
    ///
    /// - Parameter weight: what is to be written next. On pages it takes at most twice as much (a record that just does
    ///   not fit has a page of its own), and it must not come out of the reserve.
    private func updateGate(before weight: Int) {
        let info = writer.log.environment.info
        guard info.usedBytes + 2 * weight + reserveBytes > info.mapBytes else { return }
        gate.close(
            because: "the log is full: \(info.usedBytes) of \(info.mapBytes) bytes are used and \(reserveBytes) are "
                + "kept for disconnects; restart with a larger --log-bytes")
    }

    private func refuse(_ intent: Intent) {
        let shard = shards[intent.shard]
        switch intent.fact {
        case .connected(let connected):
            shard.eventLoop.execute { shard.refuseConnect(connected.connection) }
        case .message(let message):
            shard.eventLoop.execute { shard.refuseMessage(of: message.connection, request: message.request) }
        case .sent:
            intent.reply?.succeed(.refused)
        case .disconnected, .skipped, .sessionStarted, .sessionEnded:
            break
        }
    }

    /// Nothing was changed. Facts are kept and go first into the next transaction; the rest is refused. A failed sync
    /// or a broken disk ends the server: what the kernel dropped cannot be written again.
    private func commitFailed(_ error: LMDBError, _ admitted: [Intent], _ weight: Int) {
        let facts = admitted.filter(\.isFact)
        for intent in admitted where !intent.isFact { refuse(intent) }
        waiting = facts + waiting
        release(weight - facts.reduce(0) { $0 + $1.weight })
        guard [.mapFull, .noSpace, .quotaExceeded, .transactionFull].contains(error.code) else { return fail(error) }
        gate.close(because: error.description)
        scheduleRetry()
    }

    private func fail(_ error: LMDBError) {
        gate.close(because: error.description)
        giveUp()
        onFailure(.storageFailed(error.description))
    }

    /// Nothing is committed any more, and nobody waits for it.
    private func giveUp() {
        hasFailed = true
        keepFacts()
        let error = ServerError.storageFailed(gate.refusal ?? "events could not be committed")
        for shard in shards { shard.eventLoop.execute { shard.logFailed(error) } }
    }

    /// The server stops: a full disk is waited for until `patience` is over, and not longer.
    func startStopping(patience: TimeAmount) {
        eventLoop.preconditionInEventLoop()
        eventLoop.scheduleRepeatedTask(initialDelay: patience, delay: .milliseconds(500)) { _ in
            if self.retry != nil, !self.hasFailed { self.giveUp() }
        }
    }

    private func scheduleRetry() {
        retry = eventLoop.scheduleTask(in: Recorder.retryDelay) { self.retryCommit() }
    }

    /// Writes again after a full disk: the kept facts, or where there are none, the run state, to see whether it goes.
    private func retryCommit() {
        retry = nil
        guard !hasFailed else { return }
        if waiting.isEmpty {
            addenda.run = openRun
            do throws(LMDBError) {
                try writer.commit([], addenda: addenda)
            } catch {
                gate.close(because: error.description)
                return scheduleRetry()
            }
            addenda = LogAddenda()
        } else {
            commitWaiting()
        }
        guard retry == nil, !hasFailed else { return }
        gate.open()
        updateGate(before: 0)
    }

    // MARK: Syncing and ending

    /// Starts the periodic sync of `interval`, and the check for readers that died.
    func startHousekeeping(syncInterval: TimeAmount?) {
        eventLoop.preconditionInEventLoop()
        if let syncInterval {
            eventLoop.scheduleRepeatedTask(initialDelay: syncInterval, delay: syncInterval) { _ in self.sync() }
        }
        eventLoop.scheduleRepeatedTask(initialDelay: .minutes(1), delay: .minutes(1)) { _ in
            _ = try? self.writer.log.environment.clearStaleReaders()  // an error here costs disk space, nothing else
        }
    }

    private func sync() {
        guard !hasFailed else { return }
        do throws(LMDBError) {
            try writer.log.environment.sync()
        } catch {
            fail(error)
        }
    }

    /// Ends the session: every `disconnected` is committed by now.
    ///
    /// - Throws: `storageFailed` when the log does not take the end; the next start then recovers.
    func finish() throws(ServerError) {
        eventLoop.preconditionInEventLoop()
        while !waiting.isEmpty, retry == nil, !hasFailed { commit(takeGroup()) }
        guard waiting.isEmpty, !hasFailed else {
            throw .storageFailed(gate.refusal ?? "events could not be committed")
        }
        do throws(LMDBError) {
            try commitEnd()
        } catch {
            throw .storageFailed(error.description)
        }
        hasFailed = true  // nothing is committed after the end
    }

    private func commitEnd() throws(LMDBError) {
        let time = max(writer.tail.time, clock())
        let ended = Event(position: writer.tail.position.next, time: time, fact: .sessionEnded(.shutdown))
        collectObservation()
        try writer.commit([ended], addenda: addenda)
        addenda = LogAddenda()
        _ = engine.apply([ended])
        noteCheckpoint(after: [ended], endsSession: true)
        collectObservation()
        // The clean mark must not reach the disk before what it vouches for.
        let syncs = openRun.durability == .interval
        if syncs { try writer.log.environment.sync() }
        addenda.run = RunState(bootID: openRun.bootID, durability: openRun.durability, isClean: true)
        try writer.commit([], addenda: addenda)
        if syncs { try writer.log.environment.sync() }
    }
}

extension Intent {
    /// Whether it happened already, so that it can be kept but not refused.
    fileprivate var isFact: Bool {
        switch fact {
        case .disconnected, .skipped, .sessionStarted, .sessionEnded: true
        case .connected, .message, .sent: false
        }
    }
}
