// The certificate that the server shows, and its key.

internal import NIOCore
internal import NIOSSL
internal import Synchronization

/// The server's certificate; new connections get what was loaded last.
///
/// Any thread.
final class TLSIdentity: Sendable {
    private let certificatePath: String
    private let keyPath: String
    private let closeTimeout: TimeAmount
    private let current: Mutex<NIOSSLContext>

    /// Loads both files.
    ///
    /// - Throws: `ServerError.certificate`.
    init(_ configuration: ServerConfiguration) throws(ServerError) {
        certificatePath = configuration.tlsCertificatePath
        keyPath = configuration.tlsKeyPath
        closeTimeout = .seconds(configuration.closeTimeoutSeconds)
        current = Mutex(try TLSIdentity.load(certificatePath, keyPath, closeTimeout))
    }

    /// Loads both files again. Connections keep what they have.
    ///
    /// - Throws: `ServerError.certificate`; what was loaded before then stays.
    func reload() throws(ServerError) {
        let loaded = try TLSIdentity.load(certificatePath, keyPath, closeTimeout)
        current.withLock { $0 = loaded }
    }

    /// The handler for a new connection.
    func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: current.withLock { $0 }) }

    private static func load(
        _ certificatePath: String, _ keyPath: String, _ closeTimeout: TimeAmount
    ) throws(ServerError) -> NIOSSLContext {
        for path in [certificatePath, keyPath] {
            if let reason = Host.reasonNotToRead(path) { throw .certificate(path: path, reason: reason) }
        }
        func attempt<Value>(_ path: String, _ failure: String, _ body: () throws -> Value) throws(ServerError) -> Value
        {
            do { return try body() } catch { throw .certificate(path: path, reason: failure) }
        }
        let chain = try attempt(certificatePath, "it is no PEM certificate") {
            try NIOSSLCertificate.fromPEMFile(certificatePath)
        }
        // Without a passphrase BoringSSL would ask the terminal for one.
        let key = try attempt(keyPath, "it is no PEM key, or one with a passphrase") {
            try NIOSSLPrivateKey(file: keyPath, format: .pem) { $0([UInt8]()) }
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = ["http/1.1"]
        configuration.shutdownTimeout = closeTimeout
        return try attempt(keyPath, "it is not the key of \(certificatePath)") {
            try NIOSSLContext(configuration: configuration)
        }
    }
}
