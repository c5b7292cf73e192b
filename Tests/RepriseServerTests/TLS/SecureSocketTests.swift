import NIOCore
import NIOEmbedded
import RepriseTLS
import RepriseTesting
import Testing

@testable import RepriseServer

/// Secure sockets of one loop, each behind a channel that a test drives.
private final class SecureBench {
    let bench: ShardBench
    let loop: SecureLoop
    let client: TLSClient
    private let context: TLSContext
    private let certificate: TLSCertificate

    init() throws {
        bench = try ShardBench()
        loop = SecureLoop(bench.gateway)
        client = try TLSClient()
        context = try TLSContext()
        certificate = try TestCertificate.load()
    }

    deinit { bench.finish() }

    func open() throws -> (SecureSocket, EmbeddedChannel) {
        let socket = SecureSocket(try TLSSession(context, certificate, over: loop.transport), on: loop)
        return (socket, EmbeddedChannel(handler: socket, loop: bench.loop))
    }

    /// Closes a channel. A socket says goodbye first, and closes in the next task of the loop.
    func close(_ channel: EmbeddedChannel) throws {
        channel.close(promise: nil)
        bench.loop.run()
        _ = try channel.finish(acceptAlreadyClosed: true)
    }

    /// Has the client and a server get through their handshake.
    func connect(_ session: inout TLSSession, _ first: ByteBuffer, _ channel: EmbeddedChannel) throws {
        var toServer = first
        while toServer.readableBytes > 0 {
            try channel.writeInbound(toServer)
            toServer.clear()
            var opened = ByteBuffer()
            while var flight = try channel.readOutbound(as: ByteBuffer.self) {
                _ = try session.open(&flight, into: &opened, answer: &toServer)
            }
        }
    }
}

@Suite struct `Secure sockets` {
    @Test func `take turns with their handshakes`() throws {
        let bench = try SecureBench()
        let channels = try (0..<20).map { _ in try bench.open().1 }
        for channel in channels {
            var hello = ByteBuffer()
            _ = try bench.client.session(first: &hello)
            // What comes while it is the turn of others waits with the rest.
            try channel.writeInbound(hello.readSlice(length: 1))
            try channel.writeInbound(hello)
        }
        func answered() throws -> Int {
            try channels.filter { try $0.readOutbound(as: ByteBuffer.self) != nil }.count
        }
        var total = try answered()
        #expect(total < SecureLoop.stepsMax)
        var turns = 0
        while total < 20 {
            bench.bench.loop.advanceTime(by: .microseconds(20))
            let more = try answered()
            #expect(more <= SecureLoop.stepsMax)
            total += more
            turns += 1
        }
        #expect(turns >= 20 / SecureLoop.stepsMax)
        for channel in channels { try bench.close(channel) }
    }

    @Test func `hand back the rest of a record that the kernel does not take`() throws {
        let bench = try SecureBench()
        let (socket, channel) = try bench.open()
        let pair = SocketPair(sendBytes: 1)
        defer { pair.close() }
        var first = ByteBuffer()
        var session = try bench.client.session(first: &first)
        try bench.connect(&session, first, channel)
        let record = [UInt8](repeating: 7, count: TLSSession.recordBytesMax)
        var sent = 0
        var rest = ByteBuffer()
        while rest.readableBytes == 0, sent < 1000 {
            sent += 1
            if case .rest(let bytes) = unsafe socket.send(record.span.bytes, to: pair.mine) { rest = bytes }
        }
        #expect(rest.readableBytes > 0)
        var sealed = ByteBuffer(bytes: pair.received())
        sealed.writeBuffer(&rest)
        var (opened, answer) = (ByteBuffer(), ByteBuffer())
        _ = try session.open(&sealed, into: &opened, answer: &answer)
        #expect(opened.readableBytes == sent * record.count)
        try bench.close(channel)
    }

    @Test func `say goodbye before they end their output`() throws {
        let bench = try SecureBench()
        let (socket, channel) = try bench.open()
        let pair = SocketPair()
        defer { pair.close() }
        var first = ByteBuffer()
        var session = try bench.client.session(first: &first)
        try bench.connect(&session, first, channel)
        socket.endOutput(of: pair.mine)
        var sealed = ByteBuffer(bytes: pair.received())
        var (opened, answer) = (ByteBuffer(), ByteBuffer())
        #expect(try session.open(&sealed, into: &opened, answer: &answer) == .ended)
        try bench.close(channel)
    }
}
