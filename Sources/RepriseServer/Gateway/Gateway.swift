// What the handlers of one loop share: they turn requests and frames into intents, and hand these to the Recorder once
// per loop turn, as one array.

internal import NIOCore
internal import Reprise

/// Collects the intents of one loop.
///
/// Owner: its event loop; not `Sendable`.
final class Gateway {
    let shard: Shard
    let configuration: ServerConfiguration
    let frameLimits: FrameParser.Limits
    let receiveBuffer: ReceiveBuffer
    let messageRate: RateLimit?
    /// Who may connect.
    var admission: Admission
    /// Who holds the other end of a socket within this machine.
    let socketOwner: @Sendable (_ peer: SocketAddress?, _ local: SocketAddress?) -> SocketOwner
    /// The socket under a channel.
    let descriptor: @Sendable (any Channel) -> CInt?
    /// Sockets that are not WebSockets yet.
    var pending: PendingSockets
    /// What strangers make this loop keep.
    private(set) var memory: EdgeMemory
    private let recorder: Recorder
    private let inFlight: InFlight
    private let clock: @Sendable () -> Timestamp
    private(set) var tokens: TokenSource

    /// What was asked for in this loop turn.
    private(set) var intents: IntentBatch
    private var isFlushScheduled = false
    private var held: [Connection] = []
    /// Is told of every connection that is in the log and open.
    var onOpen: (@Sendable () -> Void)?

    init(
        shard: Shard, configuration: ServerConfiguration, recorder: Recorder, gate: LogGate, inFlight: InFlight,
        connectionCount: ConnectionCount, connectRate: SharedRateLimit, machine: Machine
    ) {
        self.shard = shard
        self.configuration = configuration
        self.recorder = recorder
        self.inFlight = inFlight
        receiveBuffer = ReceiveBuffer(inFlight: inFlight)
        admission = Admission(
            origins: OriginRule(configuration.allowedOrigins), gate: gate, connectionCount: connectionCount,
            connectRate: connectRate)
        clock = machine.clock
        intents = IntentBatch(shard: shard.index, routes: configuration.engine.routes)
        tokens = TokenSource(machine)
        frameLimits = configuration.frameLimits
        messageRate = RateLimit(perSecond: configuration.messageRateMax)
        socketOwner = machine.socketOwner
        descriptor = machine.descriptor
        pending = PendingSockets(countMax: configuration.pendingSocketsMax)
        memory = EdgeMemory(bytesMax: configuration.edgeBytesMax)
    }

    var slowConsumerPolicy: SlowConsumerPolicy { configuration.slowConsumerPolicy }

    var closeTimeout: TimeAmount { .seconds(configuration.closeTimeoutSeconds) }

    func makeRequestID() -> RequestID { tokens.requestID() }

    func makeConnectionID() -> ConnectionID { tokens.connectionID() }

    /// The response with the fields that every one has.
    func completed(_ reply: HTTPReply) -> HTTPReply {
        var reply = reply
        reply.headers += [("Date", clock().httpDate), ("x-amzn-RequestId", tokens.uuid())]
        return reply
    }

    /// The wall-clock time of a moment of the loop's clock.
    func wallClock(at deadline: NIODeadline) -> Timestamp {
        Timestamp(rawValue: clock().rawValue - (shard.eventLoop.now - deadline).nanoseconds)
    }

    // MARK: Connections

    /// Whether the log takes what is handed in.
    var gate: LogGate { admission.gate }

    /// Gives the place of a connection back, which its admission took.
    func connectionLeft() { admission.leave() }

    // MARK: Intents

    /// Parses with this loop's payload buffer, so that messages of a whole turn lie side by side.
    func parse(_ bytes: inout ByteBuffer, for connection: Connection) -> FrameParser.Inbound? {
        intents.parse(&bytes, with: &connection.parser)
    }

    /// A client sent a message; its body is where it was parsed.
    func submitMessage(of connection: ConnectionID, _ opcode: MessageOpcode, _ body: Range<Int>) {
        inFlight.add(
            intents.addMessage(tokens.messageID(), tokens.requestID(), from: connection, opcode, body: body))
        flushLater()
    }

    /// Gives back the room of a message that was parsed last, and that nobody wants.
    func discardMessage(_ body: Range<Int>) { intents.discardMessage(body) }

    /// Something happened that the log must know.
    func submit(_ fact: Fact) { submit(Intent(fact: fact, shard: shard.index)) }

    /// A management call, or a recording that is played, orders a delivery.
    func submit(_ sent: Sent, reply: EventLoopPromise<SendOutcome>? = nil) {
        submit(Intent(fact: .sent(sent), shard: shard.index, delivery: Delivery(of: sent), reply: reply))
    }

    private func submit(_ intent: Intent) {
        inFlight.add(intent.weight.memoryBytes)
        intents.add(intent)
        flushLater()
    }

    /// At the end of the loop turn everything goes to the Recorder at once.
    private func flushLater() {
        guard !isFlushScheduled else { return }
        isFlushScheduled = true
        shard.eventLoop.assumeIsolated().execute {
            self.isFlushScheduled = false
            let intents = self.intents.take()
            self.recorder.eventLoop.execute { [recorder = self.recorder] in recorder.submit(intents) }
        }
    }

    // MARK: Memory

    /// A socket keeps so many bytes of what its client sent and has not finished. If that is too much for the loop, others have to
    /// go, or this one.
    func keep(_ bytes: Int, for holder: some EdgeHolder) {
        memory.update(holder, to: bytes)
        guard memory.isExceeded else { return }
        while let excess = memory.takeExcess() { excess.endForMemory() }
        if !shard.isPerforming { shard.closeBroken() }
    }

    // MARK: Back-pressure

    /// Whether too much is in flight: nothing more is parsed or read, and management posts get 429.
    var mustHoldReads: Bool { inFlight.isFull }

    /// Remembers whose read is held.
    func holdRead(of connection: Connection) { held.append(connection) }

    /// Enough was performed: parsing and reading go on. Called on this loop.
    func releaseReads() {
        guard !inFlight.isFull else { return }
        let waiting = held
        held = []
        for connection in waiting { connection.releaseRead() }
    }
}

extension TimeAmount {
    static func seconds(_ seconds: Double) -> TimeAmount { .nanoseconds(Int64(seconds * 1e9)) }
}

@available(*, unavailable)
extension Gateway: Sendable {}
