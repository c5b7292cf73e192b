internal import Logging
internal import RepriseServer
internal import ServiceLifecycle
internal import UnixSignals

/// SIGHUP reads the certificate and the tokens again.
struct ReloadSignal: Service {
    let server: Server
    let configuration: ServerConfiguration
    let logger: Logger

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            if configuration.isSecure {
                do throws(ServerError) {
                    try server.reloadCertificate()
                    logger.info("the certificate was read again", metadata: nil)
                } catch {
                    logger.error("the old certificate stays in use: \(error)", metadata: nil)
                }
            }
            if configuration.hasAdminTokens {
                do throws(ServerError) {
                    try server.reloadAdminTokens()
                    logger.info("the tokens of --admin-token were read again", metadata: nil)
                } catch {
                    logger.error("the old tokens stay in use: \(error)", metadata: nil)
                }
            }
        }
    }
}
