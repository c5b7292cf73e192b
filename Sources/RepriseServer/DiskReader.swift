internal import Logging
internal import NIOCore
internal import Reprise
internal import Synchronization

/// The thread that reads the log for connections that catch up and for the management API: one for a server, so that a slow disk
/// holds up neither sockets nor commits. First come, first served, a chunk at a time.
final class DiskReader: Sendable {
    /// Nothing is read any more.
    struct Stopped: Error {}

    private let eventLoop: any EventLoop
    private let log: EventLog
    private let catchUp: CatchUp
    private let logger: Logger
    private let isStopped = Atomic<Bool>(false)

    init(eventLoop: any EventLoop, log: EventLog, catchUp: CatchUp, logger: Logger) {
        self.eventLoop = eventLoop
        self.log = log
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

    /// Reads the `connected` of a connection. The future completes on `loop`, with `nil` where the log does not know the connection, and
    /// fails with `LogError` or `Stopped`.
    func opening(of connection: ConnectionID, for loop: any EventLoop) -> EventLoopFuture<EventLog.Opening?> {
        guard !isStopped.load(ordering: .relaxed) else { return loop.makeFailedFuture(Stopped()) }
        return eventLoop.submit {
            do throws(LogError) {
                return try self.log.opening(of: connection)
            } catch {
                self.noteUndescribed(connection, "\(error)", isDamage: error.isDamage)
                throw error
            }
        }.hop(to: loop)
    }

    /// Says that the log has not what it must have of a connection. Any thread.
    func noteUndescribed(_ connection: ConnectionID, _ reason: String, isDamage: Bool) {
        logger.log(
            level: isDamage ? .error : .warning, "a connection cannot be described: \(reason)",
            metadata: ["connection": "\(connection)"])
    }

    /// Reads nothing more. When it returns, no loop is given a chunk any more.
    func stop() -> EventLoopFuture<Void> {
        isStopped.store(true, ordering: .relaxed)
        return eventLoop.submit {}
    }
}
