internal import Glibc
internal import Logging
internal import RepriseServer
internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP reads the certificate again.
struct ReloadSignal: Service {
    let server: Server
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            do {
                try server.reloadCertificate()
                logger.info("the certificate was read again", metadata: nil)
            } catch {
                logger.error("the old certificate stays in use: \(error)", metadata: nil)
            }
        }
    }

    /// Whether somebody asked that a terminal which closes does not end the process, as `nohup` does.
    static var isIgnored: Bool {
        var action = sigaction()
        guard unsafe sigaction(SIGHUP, nil, &action) == 0 else { return false }
        return unsafe unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1  // SIG_IGN
    }
}
