internal import Logging
internal import RepriseServer
internal import ServiceLifecycle
internal import UnixSignals

/// The first signal begins a drain, which may take a while; a second one ends it.
struct SecondSignal: Service {
    let server: Server
    /// What ends a server, the first time and the second.
    let signals: [UnixSignal]
    let logger: Logger

    func run() async throws {
        var count = 0
        for await signal in await UnixSignalsSequence(trapping: signals).cancelOnGracefulShutdown() {
            count += 1
            guard count == 2 else { continue }
            logger.info("\(signal) again: the drain ends now", metadata: nil)
            server.hurryShutdown()
        }
    }
}
