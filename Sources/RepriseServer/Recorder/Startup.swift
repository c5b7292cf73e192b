// Taking up a log: recovery of the last session and the start of this one, in one transaction, before anybody is
// accepted.

internal import LMDB
internal import Reprise

/// A log that is ready to be written by a new session.
struct Startup: ~Copyable {
    let log: EventLog
    var writer: LogWriter
    var engine: Engine
    /// The position of this session's `sessionStarted`.
    let firstPosition: Position
    /// How many connections of the last session were closed.
    let closedConnections: Int
    /// The run state that was stored: not clean, until the server ends.
    let openRun: RunState

    /// Opens, recovers and starts.
    init(_ configuration: ServerConfiguration, clock: () -> Timestamp) throws(ServerError) {
        let log = try Startup.open(configuration)
        let bootID = Host.bootID
        do {
            _ = try? log.environment.clearStaleReaders()  // costs disk space at worst
            if try log.runState()?.needsVerification(currentBootID: bootID) == true {
                try Startup.verify(log, path: configuration.dataPath)
            }
            var tokens = TokenSource()
            let recovery = try Recovery(of: log) { tokens.requestID() }
            var writer = try LogWriter(log)
            var engine = recovery.engine
            let started = SessionStarted(
                session: recovery.nextSession, version: BuildInfo.version, node: Host.name,
                configuration: configuration.engine)

            let time = max(writer.tail.time, clock())
            var position = writer.tail.position
            let events = (recovery.facts + [.sessionStarted(started)]).map { fact in
                position = position.next
                return Event(position: position, time: time, fact: fact)
            }
            var addenda = LogAddenda()
            let openRun = RunState(bootID: bootID, durability: configuration.durability, isClean: false)
            addenda.run = openRun
            _ = engine.apply(events.dropLast())
            if recovery.lacksFinalCheckpoint || !recovery.facts.isEmpty {
                addenda.checkpoints = [engine.checkpoint]
                addenda.snapshot = Snapshot(of: engine.projection)
            }
            _ = engine.apply(events.suffix(1))
            try writer.commit(events, addenda: addenda)
            self.log = log
            self.writer = writer
            self.engine = engine
            firstPosition = position
            closedConnections = recovery.closedConnections
            self.openRun = openRun
        } catch let error as ServerError {
            throw error
        } catch let error as LogError {
            throw .log(error)
        } catch let error as LMDBError {
            throw .log(.storage(error))
        } catch {
            preconditionFailure("taking up a log threw \(error)")
        }
    }

    /// Hands over the writer.
    consuming func takeWriter() -> LogWriter { writer }

    private static func open(_ configuration: ServerConfiguration) throws(ServerError) -> EventLog {
        do throws(LogError) {
            return try EventLog(
                path: configuration.dataPath,
                access: .write(
                    mapBytes: configuration.logBytes,
                    synchronization: configuration.durability == .always ? .everyCommit : .onRequest),
                newID: LogID(rawValue: .random(in: 1...UInt64.max)))
        } catch {
            throw .log(error)
        }
    }

    /// Verifies the whole log before it is trusted: pages may have reached the disk in another order than they were written.
    private static func verify(_ log: EventLog, path: String) throws(ServerError) {
        do throws(LogError) {
            var verifier = try LogVerifier(log)
            _ = try verifier.run()
        } catch {
            throw .unverified(path: path, error)
        }
    }
}
