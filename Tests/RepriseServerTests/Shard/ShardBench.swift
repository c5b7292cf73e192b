// One shard with its gateway and Recorder on an embedded loop, which runs when it is told to; the log is real.

import Glibc
import NIOCore
import NIOEmbedded
import RepriseTesting
import Testing

@testable import Reprise
@testable import RepriseServer

/// A shard and everything around it, on one loop that a test turns by hand.
final class ShardBench {
    let folder = TemporaryFolder()
    let loop = EmbeddedEventLoop()
    let shard: Shard
    let gateway: Gateway
    let recorder: Recorder
    let gate = LogGate()
    let inFlight: InFlight
    let count: ConnectionCount
    private var channels: [EmbeddedChannel] = []

    /// - Parameter readsWrongLog: whether who catches up is given a log that holds nothing.
    init(
        ringBytesMax: Int = 1 << 20, policy: SlowConsumerPolicy = .disconnect, readsWrongLog: Bool = false
    ) throws {
        var configuration = LiveServer.configuration(folder)
        configuration.slowConsumerPolicy = policy
        configuration.engine.routes = try RouteTable(
            selectionExpression: .default,
            routes: [
                Route(key: "echo", action: .reply(.message)), Route(key: "onMessage", action: .broadcast(.data)),
            ])
        var machine = Machine.host
        machine.clock = { Timestamp(rawValue: 1) }
        let startup = try Startup(configuration, machine: machine)
        let log = readsWrongLog ? try LogBuilder(folder.path + "/wrong").log : startup.log
        let reader = DiskReader(
            eventLoop: loop, log: log,
            catchUp: CatchUp(log, configuration: configuration.engine, bytesMax: ringBytesMax / 8),
            logger: LiveServer.logger)
        shard = Shard(
            index: 0, eventLoop: loop, ringBytesMax: ringBytesMax, performedThrough: startup.firstPosition,
            reader: reader)
        inFlight = InFlight(bytesMax: configuration.inFlightBytesMax)
        count = ConnectionCount(limit: 2)
        recorder = Recorder(
            eventLoop: loop, startup: startup, configuration: configuration, gate: gate, inFlight: inFlight,
            observations: [shard.observation], retentionStatus: RetentionStatus(),
            logTime: LogTime(Timestamp(rawValue: 1), clock: machine.clock, logger: LiveServer.logger),
            clock: machine.clock, onFailure: { _ in })
        recorder.start([shard])
        gateway = Gateway(
            shard: shard, configuration: configuration, recorder: recorder, gate: gate, inFlight: inFlight,
            connectionCount: count, connectRate: SharedRateLimit(perSecond: 0), machine: machine)
        shard.start(gateway)
    }

    func finish() {
        for channel in channels { _ = try? channel.finish(acceptAlreadyClosed: true) }
        loop.run()
        shard.stop()
    }

    /// A connection whose connect intent is on its way. It has no descriptor: its channel is not a socket.
    ///
    /// - Parameter isStalled: whether nothing that is written to the channel leaves.
    func open(isStalled: Bool = false) throws -> (Connection, EmbeddedChannel) {
        #expect(gateway.admission.connectionCount.enter())
        let connection = Connection(
            id: gateway.makeConnectionID(), gateway: gateway, handshake: ByteBuffer(string: "101"))
        let channel = EmbeddedChannel(handler: connection, loop: loop)
        channels.append(channel)
        if isStalled { try channel.pipeline.syncOperations.addHandler(Stall(), position: .first) }
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        shard.add(connection)
        gateway.submit(
            .connected(
                Connected(
                    connection: connection.id, request: gateway.makeRequestID(), sourceIP: "127.0.0.1", host: "",
                    stage: "dev")))
        return (connection, channel)
    }

    func send(_ text: String, to target: SendTarget = .everyone) {
        gateway.submit(
            Sent(request: gateway.makeRequestID(), target: target, opcode: .text, body: ByteBuffer(string: text)))
    }
}

/// A channel behind which nothing leaves, as behind a client that does not read.
private final class Stall: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    private var writes: [EventLoopPromise<Void>] = []

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if let promise { writes.append(promise) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for write in writes { write.fail(ChannelError.ioOnClosedChannel) }
    }
}
