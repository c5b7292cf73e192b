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
}
