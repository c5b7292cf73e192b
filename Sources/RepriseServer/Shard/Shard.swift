// The connections of one event loop, and the fan-out.

internal import NIOCore
internal import Reprise

/// Performs plans for the connections of one loop.
///
/// Membership and socket are two things: `members` follows the plan only; a socket may be gone long before its
/// connection leaves the log.
///
/// Owner: its event loop. `@unchecked Sendable`: every mutable property is confined to `eventLoop`, which each entry
/// point checks in debug builds. Members are internal for the extensions beside this file alone.
final class Shard: @unchecked Sendable {
    let index: Int
    let eventLoop: any EventLoop
    let observation: ShardObservation
    let ringBytesMax: Int
    /// Reads for connections that catch up; `nil` where none does.
    let reader: DiskReader?
    /// Completes when no connection is left.
    private var emptied: EventLoopPromise<Void>?
    /// Why connections will not leave the log any more.
    private var failure: ServerError?

    /// The gateway of the same loop.
    var gateway: Gateway?
    /// Every connection that the log may know: those that wait for their connect to be committed, and members.
    private(set) var connections: [ConnectionID: Connection] = [:]
    /// The live connections of this loop, in no particular order.
    var members: ContiguousArray<Connection> = []
    /// Those of them that have everything.
    var idle: IdleConnections
    /// What their TLS shares; `nil` without TLS.
    private(set) var secureLoop: SecureLoop?
    /// When the idle connections were last sent something.
    var lastFanOut = NIODeadline.uptimeNanoseconds(0)
    /// Connections whose cursor is before the head.
    var behind: [ConnectionID: Connection] = [:]
    /// Connections whose end was decided, until they are out of the log.
    var leaving: [ConnectionID: Connection] = [:]
    /// Reads that wait for their turn.
    var catchUps = CatchUpQueue()
    /// Gaps that the log does not have yet.
    var gaps: [ConnectionID: UnrecordedGaps] = [:]
    /// What those that are behind are still to be sent.
    var ring = FrameRing()
    var performedThrough: Position
    /// Sockets that broke during a fan-out; they are closed after it.
    private var broken: [Connection] = []
    private var scratch = ByteBuffer()
    private var sweeping: RepeatedTask?
    /// Whether clients are still there.
    var peers: PeerWatch
    /// Whether a batch is being performed: its run is needed until everybody had a part of it.
    var isPerforming = false

    /// The most bytes that one connection is sent in one go while it catches up.
    static let stretchBytesMax = 64 << 10

    init(
        index: Int, eventLoop: any EventLoop, ringBytesMax: Int, performedThrough: Position,
        reader: DiskReader? = nil, sendQueue: SendQueue? = SendQueue()
    ) {
        self.index = index
        self.eventLoop = eventLoop
        self.ringBytesMax = ringBytesMax
        self.reader = reader
        self.performedThrough = performedThrough
        observation = ShardObservation(performedThrough: performedThrough)
        idle = IdleConnections(queue: sendQueue)
        peers = PeerWatch(ServerConfiguration())
    }

    /// Connects the loop's gateway and starts watching for silent and old connections. Once, before the first socket.
    func start(_ gateway: Gateway) {
        eventLoop.preconditionInEventLoop()
        self.gateway = gateway
        if gateway.configuration.isSecure { secureLoop = SecureLoop(gateway) }
        let idle = TimeAmount.seconds(gateway.configuration.idleTimeoutSeconds)
        let lifetime = TimeAmount.seconds(gateway.configuration.lifetimeSeconds)
        peers = PeerWatch(gateway.configuration)
        // A second is fine enough for minutes; shorter limits are watched four times each.
        let limits = [idle, lifetime, peers.limits.timeout, peers.limits.pingInterval].filter { $0 > .zero }
        let shortest = (limits.min() ?? idle) / 4
        let period = max(.milliseconds(10), min(.milliseconds(1000), shortest))
        sweeping = eventLoop.scheduleRepeatedTask(initialDelay: period, delay: period) { _ in
            self.sweep(idle: idle, lifetime: lifetime, period: period)
        }
    }

    /// Lets go of the gateway, which holds the shard. After the last connection has left.
    func stop() {
        sweeping?.cancel()
        gateway = nil
        secureLoop = nil
    }

    // MARK: Membership

    /// A connection asks to be in the log.
    func add(_ connection: Connection) {
        connections[connection.id] = connection
    }

    /// The log refused a connect.
    func refuseConnect(_ id: ConnectionID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        leaving[id] = nil
        connection.refuse()
        gateway?.connectionLeft()
        signalIfEmpty()
    }

    /// The log refused a message: its sender is told.
    func refuseMessage(of id: ConnectionID, request: RequestID) {
        connections[id]?.sendRefusal(of: request)
    }

    func remove(_ id: ConnectionID) {
        guard let connection = connections.removeValue(forKey: id) else { return }
        behind[id] = nil
        leaving[id] = nil
        gaps[id] = nil
        peers.unanswered.forget(id)
        leaveIdle(connection)
        let index = connection.memberIndex
        guard index >= 0 else { return }
        let last = members.removeLast()
        if index < members.count {
            members[index] = last
            last.memberIndex = index
        }
        connection.memberIndex = -1
        gateway?.connectionLeft()
        signalIfEmpty()
    }

    /// Completes when no connection is left.
    ///
    /// - Throws: why the log does not take their disconnects.
    func whenEmpty() -> EventLoopFuture<Void> {
        let promise = emptied ?? eventLoop.makePromise(of: Void.self)
        emptied = promise
        signalIfEmpty()
        return promise.futureResult
    }

    private func signalIfEmpty() {
        if connections.isEmpty { emptied?.succeed() }
        if let failure { emptied?.fail(failure) }
    }

    /// The log takes nothing any more.
    func logFailed(_ error: ServerError) {
        failure = error
        signalIfEmpty()
    }

    // MARK: Traffic

    /// When bytes last went either way between a client and this shard.
    func lastTraffic(of connection: Connection) -> NIODeadline {
        connection.idleIndex < 0 ? connection.lastTraffic : max(connection.lastTraffic, lastFanOut)
    }

    /// The connection is sent no runs as they come.
    func leaveIdle(_ connection: Connection) {
        let traffic = lastTraffic(of: connection)
        if idle.remove(connection) { connection.noteTraffic(traffic) }
    }

    /// Notes a socket that failed; it is closed when the fan-out is over.
    func markBroken(_ connection: Connection) {
        connection.descriptor = -1
        broken.append(connection)
    }

    /// Closes what broke. Called at the end of a fan-out, and by connections that were sending on their own.
    func closeBroken() {
        while let connection = broken.popLast() { connection.closeSocket() }
    }

    // MARK: Observing

    func observe() {
        var observation = Checkpoint.Observation(performedThrough: performedThrough)
        // Who leaves has not been sent everything either, and is in the log still.
        for (id, connection) in [behind, leaving].joined().prefix(Checkpoint.Observation.behindCountMax) {
            let through = connection.outbox.deliveredThrough(ring: ring, performedThrough: performedThrough)
            observation.behind.append(
                Checkpoint.Behind(
                    connection: id, deliveredThrough: min(through, gaps[id]?.deliveredThrough ?? through)))
        }
        // Nor has who skipped some of it, for as long as the log does not say what.
        let skippers = gaps.filter { behind[$0.key] == nil && leaving[$0.key] == nil }
        for (id, gap) in skippers.prefix(Checkpoint.Observation.behindCountMax - observation.behind.count) {
            observation.behind.append(Checkpoint.Behind(connection: id, deliveredThrough: gap.deliveredThrough))
        }
        observation.isTruncated =
            behind.count + leaving.count + skippers.count > Checkpoint.Observation.behindCountMax
        self.observation.update(observation)
    }

    // MARK: Time and the end

    /// Closes connections that were silent or lived too long, or whose peer is gone.
    private func sweep(idle: TimeAmount, lifetime: TimeAmount, period: TimeAmount) {
        let now = eventLoop.now
        let pass = peers.begin(now, period: period)
        for connection in Array(members) {
            if now - connection.openedAt >= lifetime {
                connection.end(Ending(cause: .lifetime, code: .goingAway))
            } else if now - lastTraffic(of: connection) >= idle {
                connection.end(Ending(cause: .idle, code: .goingAway))
            } else {
                connection.watch(pass)
            }
        }
        closeBroken()
    }

    /// Ends every connection with 1001, spread evenly over `drain`, in order of their ids. Called again with a shorter
    /// drain, it ends those that wait for their turn the sooner.
    func endAll(over drain: TimeAmount) {
        let all = connections.keys.sorted()
        for (index, id) in all.enumerated() {
            let delay = TimeAmount.nanoseconds(drain.nanoseconds / Int64(all.count) * Int64(index))
            if delay.nanoseconds == 0 {
                connections[id]?.end(Ending(cause: .shutdown, code: .goingAway))
            } else {
                eventLoop.scheduleTask(in: delay) {
                    self.connections[id]?.end(Ending(cause: .shutdown, code: .goingAway))
                }
            }
        }
    }

    /// Runs `body` with the scratch buffer, empty.
    func withScratch<Result>(_ body: (inout ByteBuffer) -> Result) -> Result {
        scratch.clear()
        return body(&scratch)
    }
}
