// NIO's part of a connection: a channel with a real pipeline over a simulated socket.

internal import Glibc
internal import NIOCore

/// A socket channel that reads when it is asked to, one message at a time, and waits for writability.
///
/// `@unchecked Sendable`: a simulation is one thread.
final class SimulatedChannel: Channel, ChannelCore, NIOTransportAccessibleChannelCore, NIOSynchronousChannelOptions,
    @unchecked Sendable
{
    let socket: SimulatedSocket
    private let loop: SimulatedLoop
    /// Decides what the kernel does.
    private weak let world: Simulation?
    private let closePromise: EventLoopPromise<Void>
    private var receiveAllocator: any RecvByteBufferAllocator = FixedSizeRecvByteBufferAllocator(capacity: 2048)
    private var waiting: [(bytes: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var flushedCount = 0
    private var isReadWanted = false
    private var isReadScheduled = false
    private var isInputClosed = false
    private var isWritableScheduled = false
    private(set) var isActive = true

    let allocator = ByteBufferAllocator()
    var remoteAddress: SocketAddress? { try? remoteAddress0() }
    let localAddress: SocketAddress? = nil
    let parent: (any Channel)? = nil
    private var ownPipeline: ChannelPipeline?
    /// Whether its handlers have left, some time after it was closed.
    var isTakenApart: Bool { ownPipeline == nil }

    init(_ socket: SimulatedSocket, on loop: SimulatedLoop, in world: Simulation) {
        self.socket = socket
        self.loop = loop
        self.world = world
        closePromise = loop.makePromise()
        ownPipeline = ChannelPipeline(channel: self)
    }

    var pipeline: ChannelPipeline {
        guard let ownPipeline else { preconditionFailure("the channel was taken apart") }
        return ownPipeline
    }

    var eventLoop: any EventLoop { loop }
    var closeFuture: EventLoopFuture<Void> { closePromise.futureResult }
    var isWritable: Bool { isActive }
    var _channelCore: any ChannelCore { self }
    var syncOptions: (any NIOSynchronousChannelOptions)? { self }

    /// The socket was accepted. On the loop.
    func start() {
        pipeline.fireChannelRegistered()
        pipeline.fireChannelActive()
        pipeline.read()
    }

    // MARK: What the socket does

    /// Bytes came, or the client has ended its side.
    func socketChanged() {
        guard isActive, !isReadScheduled else { return }
        isReadScheduled = true
        loop.execute {
            self.isReadScheduled = false
            self.readReady()
        }
    }

    private func readReady() {
        guard isActive else { return }
        if socket.client == .reset {
            pipeline.fireErrorCaught(IOError(errnoCode: ECONNRESET, reason: "read"))
            return closeNow()
        }
        guard isReadWanted, !isInputClosed else { return }
        if !socket.toServer.isEmpty {
            isReadWanted = false
            var buffer = receiveAllocator.buffer(allocator: allocator)
            let count = min(world?.readCount(socket.toServer.count) ?? 1, buffer.writableBytes)
            buffer.writeBytes(socket.toServer.prefix(count))
            socket.toServer.removeFirst(count)
            socket.noteReceived(count, loop.now)
            _ = receiveAllocator.record(actualReadBytes: count)
            pipeline.fireChannelRead(buffer)
            pipeline.fireChannelReadComplete()
            if isActive { pipeline.read() }
        } else if socket.client == .finished {
            closeNow()
        }
    }

    /// The client has read: the kernel has room again.
    func roomAppeared() {
        guard isActive, flushedCount > 0, !isWritableScheduled else { return }
        isWritableScheduled = true
        loop.execute {
            self.isWritableScheduled = false
            self.flush0()
        }
    }

    /// The process is gone; nothing of it is told anything.
    func kill() {
        isActive = false
        ownPipeline = nil
    }

    // MARK: ChannelCore

    func read0() {
        isReadWanted = true
        if !socket.toServer.isEmpty || socket.client != .open { socketChanged() }
    }

    func write0(_ data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard isActive else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        waiting.append((unwrapData(data, as: ByteBuffer.self), promise))
    }

    func flush0() {
        flushedCount = waiting.count
        while isActive, flushedCount > 0 {
            let bytes = waiting[0].bytes
            let taken =
                bytes.readableBytes == 0
                ? 0 : unsafe bytes.withUnsafeReadableBytes { unsafe world?.send(socket, $0) ?? -Int(EPIPE) }
            if taken == -Int(EPIPE) { return closeNow() }
            waiting[0].bytes.moveReaderIndex(forwardBy: max(0, taken))
            guard waiting[0].bytes.readableBytes == 0 else {
                if socket.room > 0 { roomAppeared() }
                return
            }
            flushedCount -= 1
            waiting.removeFirst().promise?.succeed()
        }
    }

    func close0(error: any Error, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        switch mode {
        case .input: isInputClosed = true
        case .output: preconditionFailure("nothing closes the output alone")
        case .all: closeNow()
        }
        promise?.succeed()
    }

    private func closeNow() {
        guard isActive else { return }
        isActive = false
        socket.closeServer()
        world?.descriptors.close(socket)
        let unsent = waiting
        waiting = []
        for write in unsent { write.promise?.fail(ChannelError.ioOnClosedChannel) }
        // As in NIO: handlers are told at once, and leave later, because this may be within one of them.
        pipeline.fireChannelInactive()
        pipeline.fireChannelUnregistered()
        loop.execute {
            guard let pipeline = self.ownPipeline else { return }
            self.removeHandlers(pipeline: pipeline)
            self.closePromise.succeed()
            self.ownPipeline = nil
        }
    }

    func withUnsafeTransport<Result>(_ body: (CInt) throws -> Result) throws -> Result { try body(socket.descriptor) }

    func localAddress0() throws -> SocketAddress { throw ChannelError.operationUnsupported }
    func remoteAddress0() throws -> SocketAddress { try SocketAddress(ipAddress: "127.0.0.1", port: 50_000) }
    func register0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func registerAlreadyConfigured0(promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func bind0(to: SocketAddress, promise: EventLoopPromise<Void>?) { promise?.fail(ChannelError.operationUnsupported) }
    func connect0(to: SocketAddress, promise: EventLoopPromise<Void>?) {
        promise?.fail(ChannelError.operationUnsupported)
    }
    func triggerUserOutboundEvent0(_ event: Any, promise: EventLoopPromise<Void>?) { promise?.succeed() }
    func channelRead0(_ data: NIOAny) {}
    func errorCaught0(error: any Error) {}

    // MARK: Options

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) throws {
        if let allocator = value as? any RecvByteBufferAllocator { receiveAllocator = allocator }
    }

    func getOption<Option: ChannelOption>(_ option: Option) throws -> Option.Value {
        throw ChannelError.operationUnsupported
    }

    func setOption<Option: ChannelOption>(_ option: Option, value: Option.Value) -> EventLoopFuture<Void> {
        loop.makeCompletedFuture { try setOption(option, value: value) }
    }

    func getOption<Option: ChannelOption>(_ option: Option) -> EventLoopFuture<Option.Value> {
        loop.makeFailedFuture(ChannelError.operationUnsupported)
    }
}
