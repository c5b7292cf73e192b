/// One run's whole state, and its loop: wait, read, send, look at the clock.
///
/// Owner: the thread that runs it; nothing here is shared. The stations are in the extensions: `+Connect` (opening),
/// `+Receive` (the common stream), `+OwnFrames` (what is for one client alone), `+Audit` (streams that differ), `+Send`
/// (pacing), `+Report` (the judgement).
struct FanoutRun: ~Copyable {
    /// A send that leaves later than this after its intended time is late, nanoseconds.
    static let lateNanoseconds = 5_000_000
    /// Reads between two samples of the latency of single deliveries, a power of two.
    static let sampleInterval = 16
    /// The kernel wakes a sleeper up to so much late: for the rest of the way to an intended send the generator polls.
    static let timerSlackNanoseconds = 80_000
    /// A wait is never longer than this.
    static let waitNanosecondsMax = 50_000_000
    /// Nor a turn, which is a wait and a few milliseconds of work, unless the process was stopped.
    static let turnNanosecondsMax = waitNanosecondsMax + 10_000_000
    /// Events taken at one time.
    static let eventsMax = 256
    /// Bytes of one read at most.
    static let readBytesMax = 128 << 10

    let plan: FanoutPlan
    let target: LoadTarget
    /// Nil for a plain run.
    let tls: TLSClient?
    let text: MessageText
    let epoll: Epoll
    let buffer: ReceiveBuffer
    var reference: ReferenceStream
    var ledger: MessageLedger
    var progress: DeliveryProgress
    let clients: FixedBuffer<LoadClient>
    var errors: ErrorLedger
    var random: RandomSource
    var findings = Findings()

    // Receiving.
    /// Deliveries so far, each (client, message) counted once.
    var deliveries = 0
    /// Messages whose end was recorded.
    var finished = 0
    var reads = 0
    var messageLatency = LatencyHistogram()
    var deliveryLatency = LatencyHistogram()
    var waitingJoiners: [Int] = []
    var audited: [Int] = []
    var lostClients = 0
    var stalledClientsClosed = 0

    // Sending.
    var sendersToFlush: [Int] = []
    var firstSendAt = 0
    var lateSends = 0
    var mustStop = false

    // Connecting and churn.
    var connected = 0
    var nextChurnAt = Int.max
    /// The last client that left; senders stay.
    var churnVictim: Int
    var churnedClients = 0
    var departedDeliveries = 0

    // The clock.
    var phase = FanoutProgress.Phase.connect
    var startedAt = SystemCall.now()
    var measureFrom = Int.max
    var measureTo = Int.max
    var lastEventAt = 0
    /// Time in which the process did not run although a wait was over.
    var pausedNanoseconds = 0
    var tick = Tick()
    var throughput: [FanoutReport.Second] = []
    var connectSeconds: Double = 0
    var residentBefore: Int?
    var residentConnected: Int?
    var before = Meter()
    var after = Meter()

    /// What the counters showed at one moment.
    struct Meter {
        var time = 0
        var deliveries = 0
        var messages = 0
        var generatorCPU = 0
        var runQueue = 0
        var paused = 0
        var server: ProcessUsage?
    }

    /// The last second's snapshot, and when something last moved.
    struct Tick {
        var time = 0
        var deliveries = 0
        var messages = 0
        /// Deliveries and error frames.
        var seenDeliveries = 0
        var movedAt = 0
    }

    init(plan: FanoutPlan) throws(LoadError) {
        let target = try LoadTarget(url: plan.url, allowsTLS: true)
        let descriptors = SystemCall.raiseDescriptorLimit(toHold: plan.descriptors)
        guard plan.descriptors <= descriptors else {
            throw .invalidPlan(
                "\(plan.clients) clients need \(plan.descriptors) descriptors, but the limit is \(descriptors): ulimit -Hn"
            )
        }
        // What can fail comes first: a value that cannot be copied is initialised at once or not at all.
        let epoll = try Epoll(capacity: Self.eventsMax)
        let tls = target.isSecure ? try TLSClient() : nil
        self.plan = plan
        self.target = target
        self.tls = tls
        self.epoll = epoll
        text = MessageText(envelope: plan.envelope, senders: plan.senders, payloadBytes: plan.payloadBytes)
        buffer = ReceiveBuffer(capacity: Self.readBytesMax)
        reference = ReferenceStream(capacity: plan.referenceBytes)
        let places =
            switch plan.pace {
            case .window(let window): max(4096, 4 * window)
            case .rate: FanoutPlan.outstandingMax
            }
        let capacity = 1 << (Int.bitWidth - (places - 1).leadingZeroBitCount)
        ledger = MessageLedger(text: text, capacity: capacity)
        progress = DeliveryProgress(capacity: capacity)
        clients = FixedBuffer(repeating: LoadClient(), count: plan.clients)
        errors = ErrorLedger(share: plan.errorShare, senders: plan.senders, seed: plan.seed)
        random = RandomSource(seed: plan.seed)
        churnVictim = plan.senders - 1
    }

    deinit {
        for index in clients.indices where clients[index].descriptor >= 0 {
            LoadSocket.close(clients[index].descriptor)
        }
    }

    /// Warm-up, measurement and drain.
    mutating func measure(_ report: (FanoutProgress) -> Void) throws(LoadError) {
        try settle()
        let start = SystemCall.now()
        firstSendAt = start
        measureFrom = start + Int(plan.warmUpSeconds * 1e9)
        measureTo = measureFrom + Int(plan.seconds * 1e9)
        if plan.churnPerSecond > 0 { nextChurnAt = start }
        phase = .warmUp
        tick = Tick(time: start, movedAt: start)
        var previous = start
        while true {
            let now = SystemCall.now()
            pausedNanoseconds += max(0, now - previous - Self.turnNanosecondsMax)
            previous = now
            enterPhase(now)
            if phase == .drain {
                if isDrained { return }
            } else {
                sendDue(now)
                try churn(now)
                if mustStop { measureTo = min(measureTo, now) }
            }
            try turn(nanoseconds: waitNanoseconds(now))
            retryWaitingJoiners()
            if progress.members == 0 { mustStop = true }
            if progress.members == 0, audited.isEmpty {
                findings.add("The server closed every receiving connection.")
                return enterPhase(SystemCall.now())
            }
            if now - tick.time >= 1_000_000_000 { report(snapshot(now)) }
            guard isMoving(now) else { return }
        }
    }

    private var isOpenLoop: Bool {
        if case .rate = plan.pace { true } else { false }
    }

    /// One wait and the work it brings.
    mutating func turn(nanoseconds: Int) throws(LoadError) {
        try Interruption.check()
        let count = try epoll.wait(nanoseconds: nanoseconds)
        for index in 0..<count {
            try handle(epoll.event(index))
            // A full turn takes a millisecond; in open loop a message may be due before its end.
            if isOpenLoop, index & 31 == 31, phase == .warmUp || phase == .measure { sendDue(SystemCall.now()) }
        }
    }

    private mutating func handle(_ event: Epoll.Event) throws(LoadError) {
        let index = event.token
        switch clients[index].state {
        case .following, .joining, .audited, .upgrading:
            if event.isReadable { try read(index, isEnding: event.isEnding) }
            if event.isWritable, !clients[index].isFlushed { flush(index) }
        case .connecting:
            if event.isWritable { try finishConnect(index) }
        case .stalled:
            if event.isEnding { lose(index, "") }
        case .idle, .lost:
            break
        }
    }

    /// Moves on by the clock and reads the meters at the edges of the measurement.
    private mutating func enterPhase(_ now: Int) {
        if phase == .warmUp, now >= measureFrom || mustStop {
            phase = .measure
            before = meter(now)
            measureFrom = now
        }
        if phase == .measure, now >= measureTo || mustStop {
            phase = .drain
            after = meter(now)
            measureTo = now
        }
    }

    private func meter(_ now: Int) -> Meter {
        Meter(
            time: now, deliveries: deliveries, messages: ledger.sent, generatorCPU: ProcessUsage.ownCPUNanoseconds(),
            runQueue: ProcessUsage.ownRunQueueNanoseconds(),
            paused: pausedNanoseconds,
            server: plan.serverPID.flatMap { ProcessUsage.of(process: $0) })
    }

    /// How long the next wait may be: to the next intended send, never above ``waitNanosecondsMax``.
    private func waitNanoseconds(_ now: Int) -> Int {
        if plan.spinMicroseconds > 0, now - lastEventAt < plan.spinMicroseconds * 1000 { return 0 }
        var wait = Self.waitNanosecondsMax
        if phase != .drain {
            if case .rate(let rate) = plan.pace {
                wait = min(wait, nextIntendedTime(rate) - now - Self.timerSlackNanoseconds)
            }
            if nextChurnAt != Int.max { wait = min(wait, nextChurnAt - now) }
        }
        return max(0, wait)
    }

    /// Whether everything that was sent is everywhere it must be, and no connect is under way.
    private var isDrained: Bool {
        guard progress.members == 0 || unfinished == 0 else { return false }
        for index in audited where clients[index].state == .audited {
            if clients[index].audit?.isComplete(ledger) == false { return false }
        }
        return connected == clients.count || churnedClients == 0
    }

    /// Watches that something moves while something is outstanding.
    ///
    /// - Returns: false to end the run: what is missing will not come.
    private mutating func isMoving(_ now: Int) -> Bool {
        if deliveries + errors.received != tick.seenDeliveries || (unfinished == 0 && phase != .drain) {
            tick.seenDeliveries = deliveries + errors.received
            tick.movedAt = now
            lastEventAt = now
        }
        guard Double(now - tick.movedAt) > plan.progressTimeoutSeconds * 1e9 else { return true }
        mustStop = true
        enterPhase(now)
        findings.add("Nothing was received for \(plan.progressTimeoutSeconds) s, although something was due.")
        return false
    }

    mutating func snapshot(_ now: Int) -> FanoutProgress {
        let seconds = Double(max(1, now - tick.time)) / 1e9
        let rate = Double(deliveries - tick.deliveries) / seconds
        if phase != .connect {
            throughput.append(
                FanoutReport.Second(
                    atSeconds: Double(now - firstSendAt) / 1e9, deliveriesPerSecond: rate,
                    messagesPerSecond: Double(ledger.sent - tick.messages) / seconds))
        }
        tick.time = now
        tick.deliveries = deliveries
        tick.messages = ledger.sent
        return FanoutProgress(
            phase: phase, elapsedSeconds: Double(now - startedAt) / 1e9, connected: connected,
            messagesSent: ledger.sent,
            outstanding: unfinished, deliveriesPerSecond: rate, failedRules: findings.count)
    }
}
