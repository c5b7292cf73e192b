internal import CNIOBoringSSL

/// A certificate with those that vouch for it, and its key.
///
/// Any thread: nothing is set after `init`.
@safe package final class TLSCertificate: @unchecked Sendable {
    let pointer: OpaquePointer

    /// Reads PEM files.
    ///
    /// - Throws: `noCertificate`, `noKey`, `foreignKey`.
    package init(chainPath: String, keyPath: String) throws(TLSError) {
        guard let made = unsafe SSL_CREDENTIAL_new_x509() else { throw .noted() }
        unsafe pointer = made
        var chain = try unsafe TLSCertificate.chain(chainPath)
        defer { unsafe chain.forEach { unsafe CRYPTO_BUFFER_free($0) } }
        guard unsafe SSL_CREDENTIAL_set1_cert_chain(made, &chain, chain.count) == 1 else { throw .noCertificate }
        let key = try unsafe TLSCertificate.key(keyPath)
        defer { unsafe EVP_PKEY_free(key) }
        guard unsafe SSL_CREDENTIAL_set1_private_key(made, key) == 1 else { throw .foreignKey }
    }

    deinit { unsafe SSL_CREDENTIAL_free(pointer) }

    /// Every certificate of a file, in their order; at least one.
    private static func chain(_ path: String) throws(TLSError) -> [OpaquePointer?] {
        defer { ERR_clear_error() }
        guard let file = unsafe BIO_new_file(path, "re") else { throw .noCertificate }
        defer { unsafe BIO_free(file) }
        var chain: [OpaquePointer?] = unsafe []
        ERR_clear_error()
        while let certificate = unsafe PEM_read_bio_X509(file, nil, nil, nil) {
            var encoded: UnsafeMutablePointer<UInt8>?
            let count = unsafe i2d_X509(certificate, &encoded)
            if count > 0 { unsafe chain.append(CRYPTO_BUFFER_new(encoded, Int(count), nil)) }
            unsafe OPENSSL_free(encoded)
            unsafe X509_free(certificate)
        }
        let isAtEnd = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE
        if unsafe isAtEnd && !chain.isEmpty { return unsafe chain }
        unsafe chain.forEach { unsafe CRYPTO_BUFFER_free($0) }
        throw .noCertificate
    }

    private static func key(_ path: String) throws(TLSError) -> OpaquePointer {
        defer { ERR_clear_error() }
        guard let file = unsafe BIO_new_file(path, "re") else { throw .noKey }
        defer { unsafe BIO_free(file) }
        // Nobody is there to be asked for a passphrase.
        guard let key = unsafe PEM_read_bio_PrivateKey(file, nil, { _, _, _, _ in -1 }, nil) else { throw .noKey }
        return unsafe key
    }
}
