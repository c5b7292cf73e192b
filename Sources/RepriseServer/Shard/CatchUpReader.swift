internal import Logging
internal import NIOCore
internal import Reprise
internal import Synchronization

/// The thread that reads the log for connections that catch up: one for a server, so that a slow disk holds up neither
/// sockets nor commits. First come, first served, a chunk at a time.
final class CatchUpReader: Sendable {
    private let eventLoop: any EventLoop
    private let catchUp: CatchUp
    private let logger: Logger
    private let isStopped = Atomic<Bool>(false)

    init(eventLoop: any EventLoop, catchUp: CatchUp, logger: Logger) {
        self.eventLoop = eventLoop
        self.catchUp = catchUp
        self.logger = logger
    }

    /// Reads a chunk, and gives it to `body` on the reader's loop.
    func read(
        _ request: CatchUp.Request, for connection: ConnectionID,
        _ body: @escaping @Sendable (Result<CatchUp.Chunk, LogError>) -> Void
    ) {
        guard !isStopped.load(ordering: .relaxed) else { return }
        eventLoop.execute {
            let result: Result<CatchUp.Chunk, LogError>
            do throws(LogError) {
                result = .success(try self.catchUp.read(request, for: connection))
            } catch {
                self.logger.log(
                    level: error.isDamage ? .error : .warning, "a connection cannot catch up: \(error)",
                    metadata: ["connection": "\(connection)"])
                result = .failure(error)
            }
            if !self.isStopped.load(ordering: .relaxed) { body(result) }
        }
    }

    /// Reads nothing more. When it returns, no loop is given a chunk any more.
    func stop() -> EventLoopFuture<Void> {
        isStopped.store(true, ordering: .relaxed)
        return eventLoop.submit {}
    }
}
