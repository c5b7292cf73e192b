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
    init(_ configuration: ServerConfiguration, machine: Machine) throws(ServerError) {
        if try Startup.mustVerify(configuration, machine) { try Startup.verify(configuration, machine) }
        let log = try Startup.open(configuration, machine)
        do {
            _ = try? log.environment.clearStaleReaders()  // costs disk space at worst
            var tokens = TokenSource(machine)
            let recovery = try Recovery(of: log) { tokens.requestID() }
            var writer = try LogWriter(log)
            var engine = recovery.engine
            let started = SessionStarted(
                session: recovery.nextSession, version: BuildInfo.version, node: machine.name,
                configuration: configuration.engine)

            let time = max(writer.tail.time, machine.clock())
            var position = writer.tail.position
            let events = (recovery.facts + [.sessionStarted(started)]).map { fact in
                position = position.next
                return Event(position: position, time: time, fact: fact)
            }
            var addenda = LogAddenda()
            let openRun = RunState(bootID: machine.bootID, durability: configuration.durability, isClean: false)
            addenda.run = openRun
            _ = engine.apply(events.dropLast())
            if recovery.lacksFinalCheckpoint || !recovery.facts.isEmpty {
                addenda.checkpoints = [engine.checkpoint]
                addenda.snapshot = Snapshot(of: engine.projection)
            }
            _ = engine.apply(events.suffix(1))
            if configuration.durability == .always {
                try writer.commit(events, addenda: addenda)
                SyncedMark.remove(from: log.path)
            } else {
                // The mark is on the disk before the first commit that may not be.
                try log.environment.sync()
                try SyncedMark(log: log.id, position: writer.tail.position, bootID: machine.bootID).store(in: log.path)
                try writer.commit(events, addenda: addenda)
            }
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

    private static func open(_ configuration: ServerConfiguration, _ machine: Machine) throws(ServerError) -> EventLog {
        do throws(LogError) {
            return try EventLog(
                path: configuration.dataPath,
                access: .write(
                    mapBytes: configuration.logBytes,
                    synchronization: configuration.durability == .always ? .everyCommit : .onRequest),
                newID: anyID(machine))
        } catch {
            throw .log(error)
        }
    }

    /// Whether the machine stopped under a server that did not sync every commit.
    private static func mustVerify(_ configuration: ServerConfiguration, _ machine: Machine) throws(ServerError) -> Bool
    {
        do throws(LogError) {
            return try SyncedMark.mustVerify(configuration.dataPath, currentBootID: machine.bootID)
        } catch {
            throw .log(error)
        }
    }

    /// Verifies the whole log before it is trusted, and writes it anew: pages may have reached the disk in another order
    /// than they were written.
    private static func verify(_ configuration: ServerConfiguration, _ machine: Machine) throws(ServerError) {
        do throws(LogError) {
            try verifyEvents(configuration.dataPath, machine)
            try LogRebuild.rebuild(configuration.dataPath, mapBytes: configuration.logBytes, newID: anyID(machine))
        } catch {
            throw error.isDamage ? .unverified(path: configuration.dataPath, error) : .log(error)
        }
    }

    private static func verifyEvents(_ path: String, _ machine: Machine) throws(LogError) {
        let log = try EventLog(path: path, access: .read, newID: anyID(machine))
        try SyncedMark(in: path)?.check(log)
        var verifier = try LogVerifier(log)
        _ = try verifier.run()
    }

    /// The identity of a log that is made now.
    private static func anyID(_ machine: Machine) -> LogID { LogID(rawValue: max(1, machine.random())) }
}
