// What goes wrong with TLS, as sentences: BoringSSL's own words name its functions.

internal import CNIOBoringSSL

/// Why TLS cannot be spoken, or not any more.
package enum TLSError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file has no certificates, or others than BoringSSL reads.
    case noCertificate
    /// The file has no key, or one with a passphrase.
    case noKey
    /// The key is not the one of the certificate.
    case foreignKey
    /// The peer speaks HTTP without TLS.
    case plainHTTP
    /// What came is no record of TLS.
    case notTLS
    /// The peer speaks no version that is taken.
    case oldVersion
    /// A record is not what the peer has sealed.
    case forged
    /// The peer gave up, with this alert (RFC 8446 §6).
    case alert(Int)
    /// Anything else, in BoringSSL's words.
    case other(String)

    /// One sentence.
    package var description: String {
        switch self {
        case .noCertificate: "it is no PEM certificate"
        case .noKey: "it is no PEM key, or one with a passphrase"
        case .foreignKey: "the key is not the one of the certificate"
        case .plainHTTP: "a request came without TLS: its URL must begin with https:// or wss://"
        case .notTLS: "what came is no TLS"
        case .oldVersion: "the other side speaks neither TLS 1.2 nor 1.3"
        case .forged: "a record is not what the other side has sealed"
        case .alert(let number): "the other side gave up with alert \(number)"
        case .other(let words): "TLS failed: \(words)"
        }
    }

    /// The alerts that a peer sends are reasons from here on.
    private static let firstAlert = 1000

    /// The error that BoringSSL has noted last in this thread, behind those of its parts. Its notes are cleared.
    static func noted() -> TLSError {
        let error = ERR_peek_last_error()
        defer { ERR_clear_error() }
        let reason = ERR_GET_REASON(error)
        if ERR_GET_LIB(error) == ERR_LIB_SSL {
            switch reason {
            case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST: return .plainHTTP
            case SSL_R_WRONG_VERSION_NUMBER: return .notTLS
            case SSL_R_UNSUPPORTED_PROTOCOL: return .oldVersion
            case SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC: return .forged
            case CInt(firstAlert)...: return .alert(Int(reason) - firstAlert)
            default: break
            }
        }
        guard let words = unsafe ERR_reason_error_string(error) else { return .other("error \(error)") }
        return unsafe .other(String(cString: words))
    }
}
