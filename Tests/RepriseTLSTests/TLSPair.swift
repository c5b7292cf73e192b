// A client and a server without a socket between them: what one has to say is in a buffer until the test hands it over.

import NIOCore

@testable import RepriseTLS

/// One side: a session, what it has opened, and what it has to say.
final class TLSSide {
    var session: TLSSession
    var output: ByteBuffer
    var opened = ByteBuffer()
    var hasPeerEnded = false
    var isEstablished: Bool { session.isEstablished }
    var wasResumed: Bool { session.wasResumed }
    var agreedProtocol: String { session.agreedProtocol }

    init(_ session: consuming TLSSession, output: ByteBuffer = ByteBuffer()) {
        self.session = session
        self.output = output
    }

    /// Takes in what came from the other side.
    func take(_ sealed: ByteBuffer) throws(TLSError) {
        var sealed = sealed
        if try session.open(&sealed, into: &opened, answer: &output) == .ended { hasPeerEnded = true }
    }

    /// What the side has to say, once.
    func said() -> ByteBuffer {
        defer { output = ByteBuffer() }
        return output
    }

    /// What the side has opened, once.
    func heard() -> String {
        defer { opened.clear() }
        return String(buffer: opened)
    }

    func seal(_ text: String) throws(TLSError) {
        let bytes = Array(text.utf8)
        try unsafe session.seal(bytes.span.bytes, into: &output)
    }
}

/// A client and a server.
final class TLSPair {
    let client: TLSSide
    let server: TLSSide

    /// - Parameter isThrough: whether the handshake is over.
    init(
        _ client: TLSClient, _ context: TLSContext, _ certificate: TLSCertificate, isThrough: Bool = true
    ) throws(TLSError) {
        var first = ByteBuffer()
        let session = try client.session(first: &first)
        self.client = TLSSide(session, output: first)
        server = TLSSide(try TLSSession(context, certificate, over: TLSTransport()))
        if isThrough { try exchange() }
    }

    /// The two talk until neither has anything to say.
    func exchange() throws(TLSError) {
        while client.output.readableBytes + server.output.readableBytes > 0 {
            try server.take(client.said())
            try client.take(server.said())
        }
    }

    /// One sentence of the server, which carries tickets, too.
    func tell(_ text: String) throws(TLSError) -> String {
        try server.seal(text)
        try exchange()
        return client.heard()
    }

    /// One sentence of the client.
    func ask(_ text: String) throws(TLSError) -> String {
        try client.seal(text)
        try exchange()
        return server.heard()
    }
}
