// The other side, for tests: sessions that trust everybody, and take every ticket.

internal import CNIOBoringSSL
package import NIOCore

/// Makes a client's sessions. The latest ticket that one of them was given is offered by the next.
///
/// Owner: one thread. `@safe`: both pointers are its own, and as long as it.
@safe package final class TLSClient {
    /// A version of TLS.
    package enum Version: UInt16, Sendable, CaseIterable {
        case tls11 = 0x0302
        case tls12 = 0x0303
        case tls13 = 0x0304
    }

    private let context: OpaquePointer
    private let transport = TLSTransport()
    private var ticket: OpaquePointer?

    /// A client that speaks one version, and offers these protocols.
    ///
    /// - Throws: what BoringSSL does not take.
    package init(_ version: Version = .tls13, protocols: [String] = ["http/1.1"]) throws(TLSError) {
        unsafe context = try TLSContext.make()
        unsafe SSL_CTX_set_cipher_list(context, "ALL")  // TLS 1.1 has none of the others
        unsafe SSL_CTX_set_min_proto_version(context, version.rawValue)
        unsafe SSL_CTX_set_max_proto_version(context, version.rawValue)
        unsafe SSL_CTX_set_custom_verify(context, SSL_VERIFY_PEER) { _, _ in ssl_verify_ok }
        let offer = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        unsafe SSL_CTX_set_alpn_protos(context, offer, offer.count)
        unsafe SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT)
        unsafe SSL_CTX_set_ex_data(context, 0, Unmanaged.passUnretained(self).toOpaque())
        unsafe SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let data = unsafe SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), 0) else { return 0 }
            unsafe Unmanaged<TLSClient>.fromOpaque(data).takeUnretainedValue().keep(session)
            return 1  // it is ours now
        }
    }

    deinit {
        // Sessions hold the context, and their tickets come here.
        unsafe SSL_CTX_set_ex_data(context, 0, nil)
        unsafe SSL_SESSION_free(ticket)
        unsafe SSL_CTX_free(context)
    }

    private func keep(_ session: OpaquePointer?) {
        unsafe SSL_SESSION_free(ticket)
        unsafe ticket = session
    }

    /// A session, and its first word.
    ///
    /// - Throws: what BoringSSL does not take.
    package func session(first: inout ByteBuffer) throws(TLSError) -> TLSSession {
        var session = try unsafe TLSSession(client: context, ticket: ticket, over: transport)
        try session.begin(answer: &first)
        return session
    }
}

@available(*, unavailable)
extension TLSClient: Sendable {}

extension TLSSession {
    /// The protocol that was agreed on (RFC 7301); empty where none was.
    package var agreedProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: CUnsignedInt = 0
        unsafe SSL_get0_alpn_selected(ssl, &name, &count)
        return unsafe String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// Appends a demand that both sides use new keys from the next record on (RFC 8446 §4.6.3). TLS 1.3.
    ///
    /// - Throws: why that cannot be.
    package mutating func updateKeys(into slot: inout ByteBuffer) throws(TLSError) {
        ERR_clear_error()
        let ssl = unsafe self.ssl
        let isDone = unsafe transport.lend(UnsafeRawBufferPointer(start: nil, count: 0), &slot) {
            // Without a byte to seal, a write sends what waits for the next one.
            unsafe SSL_key_update(ssl, CInt(SSL_KEY_UPDATE_REQUESTED)) == 1 && SSL_write(ssl, nil, 0) == 0
        }
        guard isDone else { throw .noted() }
    }
}
