/// Drives a recorded session against a server once more, and compares what every client receives: one thread, one epoll.
///
/// The recording has one order, and a server must come to the same one. So steps are done in the order of the recording,
/// each when it is due *and* its place in the order is certain:
///
/// - a message, a post or a connect waits until the delivery of the message or post before it has been seen by anyone
///   (or the post was answered): then that one has its place. Messages of one client after another of the same client do
///   not wait, for a socket keeps their order;
/// - a message or a post waits until every connect before it was answered with 101: then whoever must get it is there;
/// - the end of a connection waits until everything that was addressed to it has come: nothing is cut off. What a slow or
///   lost client did not get when it was recorded is addressed to it all the same, and must come now;
/// - a `DELETE` is waited for until the client has its Close; other Closes are answered while the run goes on.
///
/// A server that keeps one order then gives the same deliveries at every speed, and nothing here sleeps.
public struct RedriveRun: ~Copyable {
    let script: RedriveScript
    let url: String
    let pace: RecordedPace
    let target: LoadTarget
    /// Nanoseconds without any news after which what is awaited is missing.
    let patience: Int
    var connections: [RedriveConnection]
    var caller: ManagementCaller
    var epoll: Epoll
    let buffer: ReceiveBuffer
    var random: RandomSource
    private let start: Int
    var lastNews = 0

    /// The next step.
    var next = 0
    /// Deliveries up to here, exclusive, have been ordered.
    var ordered = 0
    /// Deliveries up to here, exclusive, have their place in the server's order.
    var placed = 0
    /// The client that sent the last message, if nothing else was ordered since.
    var lastSender: Int?
    /// Connects without an answer.
    var opening = 0
    /// Ends without the server's Close.
    var closing = 0
    /// Deletes among them.
    var deleting = 0
    var compared = 0
    var difference: RedriveReport.Difference?
    var timing = RedriveTiming()

    /// The name of the field in the answer to the upgrade that tells a client its id, in lower case.
    public static let idField = "x-reprise-connection-id"
    /// Descriptors beside those of the connections: standard streams, epoll, the log, the management API.
    private static let otherDescriptors = 24
    /// Connects that may be unanswered at one time: well below the listening queue of any server.
    static let openingMax = 128
    /// Bytes that a client may have queued before the next step waits.
    static let backlogBytesMax = 256 << 10

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - speed: times faster than recorded; nil for as fast as order allows.
    ///   - patienceSeconds: silence after which what is awaited is missing.
    ///   - seed: of mask keys and upgrade keys.
    /// - Throws: ``LoadError/invalidPlan(_:)``, ``LoadError/system(operation:code:)``.
    public init(
        _ script: RedriveScript, url: String, speed: Double?, patienceSeconds: Double = 10, seed: UInt64 = 1
    ) throws(LoadError) {
        let pace = try RecordedPace(speed)
        let target = try LoadTarget(url: url)
        try SystemCall.makeRoom(forConnections: script.connections.count, others: RedriveRun.otherDescriptors)
        let epoll = try Epoll(capacity: 1024)
        self.target = target
        self.epoll = epoll
        self.script = script
        self.url = url
        self.pace = pace
        patience = Int(patienceSeconds * 1e9)
        buffer = ReceiveBuffer(capacity: 256 << 10)
        connections = script.connections.map { connection in
            var state = RedriveConnection()
            state.nextBroadcast = connection.broadcasts.lowerBound
            return state
        }
        caller = ManagementCaller(target)
        random = RandomSource(seed: seed)
        start = SystemCall.now()
    }

    deinit {
        for connection in connections where connection.descriptor >= 0 { LoadSocket.close(connection.descriptor) }
        if caller.descriptor >= 0 { LoadSocket.close(caller.descriptor) }
    }

    /// Drives the session to its end, or to the first difference.
    ///
    /// - Throws: ``LoadError`` when the server cannot be reached, or cannot be asked for what the session needs.
    public mutating func run() throws(LoadError) -> RedriveReport {
        while difference == nil {
            try performDueSteps()
            if next == script.steps.count, closing == 0, caller.call == nil { break }
            try takeNews(waiting: nanosecondsToWait)
            if difference == nil, isOverdue { noteSilence() }
        }
        // What is under way may hold a difference at an earlier position.
        for _ in 0..<64 where difference != nil {
            if try takeNews(waiting: 0) == 0 { break }
        }
        return report()
    }

    /// Nanoseconds since the run began.
    var now: Int { SystemCall.now() - start }

    /// When a step is due, nanoseconds since the run began.
    func due(_ step: RedriveScript.Step) -> Int { pace.due(step.time) }

    private var nanosecondsToWait: Int {
        let untilSilence = max(1_000_000, lastNews + patience - now)
        guard next < script.steps.count, due(script.steps[next]) > now else { return untilSilence }
        return due(script.steps[next]) - now
    }

    /// Whether something is awaited and nothing has come for too long. A step that is not due awaits nothing.
    private var isOverdue: Bool {
        guard now - lastNews > patience else { return false }
        guard next < script.steps.count else { return true }
        return due(script.steps[next]) <= now
    }

    @discardableResult
    private mutating func takeNews(waiting nanoseconds: Int) throws(LoadError) -> Int {
        let count = try epoll.wait(nanoseconds: nanoseconds)
        if count > 0 { lastNews = now }
        for index in 0..<count {
            let event = epoll.event(index)
            if event.token == connections.count { try handleCaller(event) } else { try handle(event) }
        }
        return count
    }

    /// Notes a difference, unless one at an earlier position is known.
    mutating func note(_ found: RedriveReport.Difference) {
        if let known = difference, known.position <= found.position { return }
        difference = found
    }

    private func report() -> RedriveReport {
        RedriveReport(
            url: url, speed: pace.speed, connections: script.connections.count, steps: script.steps.count,
            stepsDone: next,
            omitted: script.omitted, firstOmitted: script.firstOmitted, deliveriesCompared: compared,
            difference: difference, stepsThatWaited: timing.stepsThatWaited,
            secondsWaited: Double(timing.nanosecondsWaited) / 1e9, seconds: Double(timing.elapsed) / 1e9,
            timing: pace.speed.map { _ in timing.report(duration: pace.due(script.duration)) })
    }
}
