// The certificate that the server shows, and its key.

internal import RepriseTLS
internal import Synchronization

/// The server's certificate; new connections get what was loaded last. What else belongs to TLS stays for good, so that a
/// client's ticket is still good when the certificate was renewed.
///
/// Any thread.
final class TLSIdentity: Sendable {
    private let certificatePath: String
    private let keyPath: String
    private let context: TLSContext
    private let current: Mutex<TLSCertificate>

    /// Loads both files.
    ///
    /// - Throws: `ServerError.certificate`.
    init(_ configuration: ServerConfiguration) throws(ServerError) {
        certificatePath = configuration.tlsCertificatePath
        keyPath = configuration.tlsKeyPath
        current = Mutex(try TLSIdentity.load(certificatePath, keyPath))
        do { context = try TLSContext() } catch { throw .certificate(path: certificatePath, reason: "\(error)") }
    }

    /// Loads both files again. Connections keep what they have.
    ///
    /// - Throws: `ServerError.certificate`; what was loaded before then stays.
    func reload() throws(ServerError) {
        let loaded = try TLSIdentity.load(certificatePath, keyPath)
        current.withLock { $0 = loaded }
    }

    /// TLS for a new connection. On the loop's thread.
    ///
    /// - Throws: `TLSError`, where there is no memory.
    func makeSocket(on loop: SecureLoop) throws -> SecureSocket {
        SecureSocket(try TLSSession(context, current.withLock { $0 }, over: loop.transport), on: loop)
    }

    private static func load(
        _ certificatePath: String, _ keyPath: String
    ) throws(ServerError) -> TLSCertificate {
        for path in [certificatePath, keyPath] {
            if let reason = Host.reasonNotToRead(path) { throw .certificate(path: path, reason: reason) }
        }
        do { return try TLSCertificate(chainPath: certificatePath, keyPath: keyPath) } catch {
            switch error {
            case .foreignKey: throw .certificate(path: keyPath, reason: "it is not the key of \(certificatePath)")
            case .noKey: throw .certificate(path: keyPath, reason: "\(error)")
            default: throw .certificate(path: certificatePath, reason: "\(error)")
            }
        }
    }
}
