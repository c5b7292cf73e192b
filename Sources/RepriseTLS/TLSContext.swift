// What all connections of a server share: versions, ciphers, the keys of session tickets. Certificates are apart, so that one
// can be renewed while tickets that were given before are still good.

internal import CNIOBoringSSL

/// The settings of a server's TLS: 1.2 and 1.3, ciphers with forward secrecy, `http/1.1`, tickets without a session cache.
///
/// BoringSSL changes the key of tickets every other day. Renegotiation is refused, which is its default.
///
/// Any thread: BoringSSL locks what it changes, and nothing is set after `init`.
@safe package final class TLSContext: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Those that Mozilla calls intermediate and BoringSSL has; TLS 1.3 has its own, which cannot be set.
    private static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"

    /// The settings of a server.
    ///
    /// - Throws: what BoringSSL does not take.
    package init() throws(TLSError) {
        unsafe pointer = try TLSContext.make()
        unsafe SSL_CTX_set_session_cache_mode(pointer, SSL_SESS_CACHE_OFF)
        unsafe SSL_CTX_set_alpn_select_cb(
            pointer,
            { _, selected, selectedCount, offered, offeredCount, _ in
                unsafe TLSContext.selectProtocol(selected, selectedCount, offered, offeredCount)
            }, nil)
    }

    deinit { unsafe SSL_CTX_free(pointer) }

    /// What a server and a client have in common.
    static func make() throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let made = unsafe SSL_CTX_new(TLS_method()),
            unsafe SSL_CTX_set_min_proto_version(made, UInt16(TLS1_2_VERSION)) == 1,
            unsafe SSL_CTX_set_strict_cipher_list(made, ciphers) == 1
        else { throw .noted() }
        return unsafe made
    }

    /// The protocol that is spoken behind TLS (RFC 7301).
    static let protocolName = Array("http/1.1".utf8)

    /// Chooses `http/1.1` where a client offers it. Others are served all the same, for many offer nothing that fits.
    private static func selectProtocol(
        _ selected: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ selectedCount: UnsafeMutablePointer<UInt8>?,
        _ offered: UnsafePointer<UInt8>?, _ offeredCount: CUnsignedInt
    ) -> CInt {
        let offer = unsafe UnsafeBufferPointer(start: offered, count: Int(offeredCount))
        var next = 0
        // Each is a byte with its length, and its name.
        while next < offer.count {
            let (start, count) = unsafe (next + 1, Int(offer[next]))
            next = start + count
            guard next <= offer.count else { break }
            if unsafe offer[start..<next].elementsEqual(protocolName) {
                unsafe selected?.pointee = offered.map { unsafe $0 + start }
                unsafe selectedCount?.pointee = UInt8(count)
                return SSL_TLSEXT_ERR_OK
            }
        }
        return SSL_TLSEXT_ERR_NOACK
    }
}
