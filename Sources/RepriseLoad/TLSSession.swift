internal import NIOCore
internal import NIOEmbedded
internal import NIOSSL

/// TLS as a client speaks it, for all connections of a run.
struct TLSClient {
    private let context: NIOSSLContext

    /// Nobody's certificate is checked: what a run proves is that the messages arrive, not who sent them.
    ///
    /// - Throws: ``LoadError/invalidPlan(_:)`` if the library refuses the settings.
    init() throws(LoadError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = ["http/1.1"]
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw .invalidPlan("TLS cannot be used: \(error)")
        }
    }

    /// Begins a connection's TLS; its first output is there.
    ///
    /// - Throws: ``LoadError/invalidPlan(_:)`` if the library refuses it.
    func makeSession() throws(LoadError) -> TLSSession {
        do { return TLSSession(try NIOSSLClientHandler(context: context, serverHostname: nil)) } catch {
            throw .invalidPlan("TLS cannot be used: \(error)")
        }
    }
}

/// One connection's TLS: bytes from the socket in, bytes of the stream out, and the other way round.
///
/// It is NIO's handler in a channel without a socket, so that the run keeps its own sockets and its own loop, and no second
/// TLS library is needed. Owner: the thread that runs the connection; NIO checks that.
final class TLSSession {
    private let channel: EmbeddedChannel
    private let handler: NIOSSLClientHandler

    fileprivate init(_ handler: NIOSSLClientHandler) {
        self.handler = handler
        channel = EmbeddedChannel(handler: handler)
        // The socket is connected already: begin.
        channel.pipeline.fireChannelActive()
    }

    deinit {
        // Without the handler a close is only that: the peer learns of it from the socket.
        channel.pipeline.syncOperations.removeHandler(handler, promise: nil)
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    /// Encrypts bytes to send; before the handshake is over they wait for it. After the peer's end they are dropped.
    func seal(_ bytes: [UInt8]) {
        channel.writeAndFlush(ByteBuffer(bytes: bytes), promise: nil)
    }

    /// Appends what is to be sent to the peer since the last call: sealed bytes, and what TLS itself has to say.
    func takeOutput(into output: inout [UInt8]) {
        while let buffer = try? channel.readOutbound(as: ByteBuffer.self) { output += buffer.readableBytesView }
    }

    /// Decrypts what came from the peer.
    ///
    /// - Returns: the bytes that are whole now; none if a record has not ended, or if it was for TLS itself.
    /// - Throws: what NIO calls the failure: the peer does not speak TLS, or bytes were forged.
    func open(_ sealed: Span<UInt8>) throws -> [UInt8] {
        var buffer = channel.allocator.buffer(capacity: sealed.count)
        unsafe buffer.writeBytes(sealed.bytes)  // unsafe for types with padding, which bytes have not
        try channel.writeInbound(buffer)
        var opened: [UInt8] = []
        while let buffer = try channel.readInbound(as: ByteBuffer.self) { opened += buffer.readableBytesView }
        return opened
    }
}
