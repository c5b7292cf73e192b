// One connection's TLS as a machine: bytes in, bytes out, no socket. BoringSSL keeps a record that has not come in whole, and
// nothing else of what passes through.

internal import CNIOBoringSSL
package import NIOCore

/// One connection's TLS.
///
/// Owner: the loop of its transport. `@safe`: what it points to is its own, and as long as it.
@safe package struct TLSSession: ~Copyable {
    /// The most plaintext bytes of a record (RFC 8446 §5.1).
    package static let recordBytesMax = 16 << 10
    /// A sealed record is at most this much longer than what is in it: its head, a nonce or the kind, a tag.
    package static let recordOverheadBytesMax = 64

    /// Whether more may come from the peer.
    package enum Reading: Equatable, Sendable {
        /// All was taken in, and more may come.
        case open
        /// The peer has ended its stream (`close_notify`).
        case ended
    }

    let ssl: OpaquePointer
    let transport: TLSTransport

    /// A server's session, which waits for the client's first bytes.
    ///
    /// - Throws: what BoringSSL does not take.
    package init(
        _ context: TLSContext, _ certificate: TLSCertificate, over transport: TLSTransport
    ) throws(TLSError) {
        unsafe ssl = try TLSSession.make(context.pointer, transport) { made in
            unsafe SSL_set_accept_state(made)
            return unsafe SSL_add1_credential(made, certificate.pointer) == 1
        }
        self.transport = transport
    }

    /// A client's session, which offers a ticket if there is one.
    ///
    /// - Throws: what BoringSSL does not take.
    init(client context: OpaquePointer, ticket: OpaquePointer?, over transport: TLSTransport) throws(TLSError) {
        unsafe ssl = try TLSSession.make(context, transport) { made in
            unsafe SSL_set_connect_state(made)
            return unsafe ticket == nil || SSL_set_session(made, ticket) == 1
        }
        self.transport = transport
    }

    /// An `SSL` that is set up.
    private static func make(
        _ context: OpaquePointer, _ transport: TLSTransport, _ isSetUp: (OpaquePointer) -> Bool
    ) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let made = unsafe SSL_new(context) else { throw .noted() }
        unsafe BIO_up_ref(transport.bio)
        unsafe SSL_set_bio(made, transport.bio, transport.bio)
        // What only a handshake needs is given back after it.
        unsafe SSL_set_shed_handshake_config(made, 1)
        guard unsafe isSetUp(made) else {
            unsafe SSL_free(made)
            throw .noted()
        }
        return unsafe made
    }

    deinit { unsafe SSL_free(ssl) }

    /// Whether the handshake is over.
    package var isEstablished: Bool { unsafe SSL_in_init(ssl) == 0 }

    /// Whether the handshake was shortened by a ticket.
    package var wasResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// Begins the handshake, or goes on with it. A client's first word; a server waits for it.
    ///
    /// - Throws: why there is no handshake.
    mutating func begin(answer: inout ByteBuffer) throws(TLSError) {
        let ssl = unsafe self.ssl
        let result = unsafe transport.lend(UnsafeRawBufferPointer(start: nil, count: 0), &answer) {
            unsafe SSL_do_handshake(ssl)
        }
        guard unsafe result == 1 || SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ else { throw .noted() }
    }

    // MARK: Receiving

    /// Takes in all of `sealed`: goes on with the handshake, and appends what was opened to `opened`.
    ///
    /// - Parameter answer: where to append what must be sent now: steps of the handshake, and the alert that tells the peer
    ///   of the error that is thrown.
    /// - Throws: why the session is over. What was opened before is good.
    package mutating func open(
        _ sealed: inout ByteBuffer, into opened: inout ByteBuffer, answer: inout ByteBuffer
    ) throws(TLSError) -> Reading {
        let (ssl, transport) = unsafe (self.ssl, self.transport)
        let code = unsafe sealed.withUnsafeReadableBytes { received in
            unsafe transport.lend(received, &answer) {
                unsafe TLSSession.read(ssl, transport, into: &opened)
            }
        }
        sealed.clear()
        switch code {
        case SSL_ERROR_WANT_READ: return .open
        case SSL_ERROR_ZERO_RETURN: return .ended
        default: throw .noted()
        }
    }

    /// Reads until BoringSSL has no whole record any more.
    ///
    /// - Returns: why it stopped, an `SSL_ERROR`.
    private static func read(
        _ ssl: OpaquePointer, _ transport: TLSTransport, into opened: inout ByteBuffer
    ) -> CInt {
        if unsafe SSL_in_init(ssl) != 0 {
            let result = unsafe SSL_do_handshake(ssl)
            if result != 1 { return unsafe SSL_get_error(ssl, result) }
        }
        while true {
            // Of the record that comes next the length is not known. There is more of it if it does not fit.
            let known = unsafe Int(SSL_pending(ssl))
            let room = max(known, min(unsafe transport.input.count, recordBytesMax))
            // A step of the handshake brings nothing, and needs no storage.
            guard room > 0 else { return SSL_ERROR_WANT_READ }
            var result: CInt = 0
            unsafe opened.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { bytes in
                result = unsafe SSL_read(ssl, bytes.baseAddress, CInt(clamping: bytes.count))
                return max(0, Int(result))
            }
            if result <= 0 { return unsafe SSL_get_error(ssl, result) }
        }
    }

    // MARK: Sending

    /// Seals one record, and appends it to `slot`, behind what TLS itself still has to say.
    ///
    /// - Precondition: the handshake is over, and there is something to seal, at most `recordBytesMax`.
    /// - Throws: why the session is over.
    package mutating func seal(_ plain: RawSpan, into slot: inout ByteBuffer) throws(TLSError) {
        precondition(
            1...TLSSession.recordBytesMax ~= plain.byteCount, "a record of \(plain.byteCount) bytes cannot be sealed")
        let ssl = unsafe self.ssl
        let count = unsafe plain.withUnsafeBytes { bytes in
            unsafe transport.lend(UnsafeRawBufferPointer(start: nil, count: 0), &slot) {
                unsafe SSL_write(ssl, bytes.baseAddress, CInt(bytes.count))
            }
        }
        guard Int(count) == plain.byteCount else { throw .noted() }
    }

    /// Appends the goodbye (`close_notify`), once: nothing can be sealed behind it. Nothing where the handshake is not over.
    package mutating func end(into slot: inout ByteBuffer) {
        let ssl = unsafe self.ssl
        unsafe transport.lend(UnsafeRawBufferPointer(start: nil, count: 0), &slot) {
            // A second call would wait for the goodbye of the peer.
            if unsafe SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN == 0 { _ = unsafe SSL_shutdown(ssl) }
        }
        ERR_clear_error()
    }
}
