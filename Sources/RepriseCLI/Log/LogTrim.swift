internal import ArgumentParser
internal import LMDB
internal import NIOCore
internal import Reprise
internal import RepriseServer

/// `reprise log trim`.
struct LogTrimCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trim",
        abstract: "Take away the beginning of a log.",
        discussion: """
            Removes every event before a place, in small steps: it may be interrupted at any moment and goes on when it is \
            called again. What remains keeps its positions and digests: it is verified and replayed from the cut, where \
            digests, live connections and the running session are kept. Sessions that are wholly before the place leave \
            the catalogue. The last event always stays. A trimmed log can be read by this build and later ones.

            The server must be stopped; a running one trims by itself with --retain-bytes or --retain-age. The file does \
            not become smaller: what was freed is used for new events. `reprise log backup` writes a copy without it.

            Examples:
              reprise log trim --before @-7d
              reprise log trim --before session:12 /var/lib/reprise
              reprise log trim --before 1000000 --json
            """
    )

    @OptionGroup var data: DataOptions

    @Option(
        help: ArgumentHelp("The first event to keep: \(Place.grammar).", valueName: "place"),
        transform: { try Place(parsing: $0) })
    var before: Place

    @Flag(help: "Print one JSON object.")
    var json = false

    func run() throws {
        let place = try resolve()
        let lock = try lockFolder()
        defer { withExtendedLifetime(lock) {} }
        guard try !SyncedMark.mustVerify(data.path, currentBootID: Host.bootID) else {
            throw CommandEnd(
                status: .couldNotRun,
                message:
                    "\(data.path) was in use when the machine stopped, without --durability always, and is not to be "
                    + "changed before it is verified; start `reprise serve` on it once, which does that")
        }
        let log = try EventLog(
            path: data.path,
            access: .write(mapBytes: EventLog.mapBytesDefault, synchronization: .everyCommit),
            newID: LogID(rawValue: 0))
        let bytesBefore = try log.contentBytes()
        var removed = LogTrim.Step()
        var trim = try LogTrim(log)
        var progress = Progress("trimming", through: place.previous)
        while true {
            let step = try trim.step(before: place)
            if step.events == 0 { break }
            removed.events += step.events
            removed.sessions += step.sessions
            removed.connections += step.connections
            progress.note(trim.first.previous)
        }
        progress.clear()
        try report(removed, log, freed: max(0, bytesBefore - (try log.contentBytes())))
    }

    /// The place, read before the log is opened for writing: LMDB allows a process one environment at a time.
    private func resolve() throws -> Position {
        let log = try data.openLog()
        return try before.resolve(in: log, now: .now, as: .first)
    }

    private func lockFolder() throws -> DataFolderLock {
        do throws(ServerError) {
            return try DataFolderLock(data.path)
        } catch {
            guard case .folderInUse(let path, let holder) = error else { throw error.asFailure }
            throw CommandEnd(
                status: .couldNotRun,
                message: "\(path) is in use by a server (\(holder)); stop it, or restart it with --retain-bytes or "
                    + "--retain-age, which trim while it runs")
        }
    }

    private func report(_ removed: LogTrim.Step, _ log: EventLog, freed: Int) throws {
        let first = try log.firstPosition() ?? .zero
        let fileBytes = log.environment.info.usedBytes
        var output = StandardOutput()
        if json {
            output.buffer.beginJSON()
            output.buffer.writeJSON("firstPosition", first.rawValue)
            output.buffer.writeJSON("lastPosition", try log.tail().position.rawValue)
            output.buffer.writeJSON("events", UInt64(removed.events))
            output.buffer.writeJSON("sessions", UInt64(removed.sessions))
            output.buffer.writeJSON("connections", UInt64(removed.connections))
            output.buffer.writeJSON("freedBytes", UInt64(freed))
            output.buffer.writeJSON("fileBytes", UInt64(fileBytes))
            output.buffer.endJSON()
            try output.endLine()
        } else {
            try output.print(
                "\(first)  the log begins here; trimmed away: events \(removed.events), sessions \(removed.sessions), "
                    + "connections \(removed.connections)")
            try output.print(
                "\(first)  \(freed) of the file's \(fileBytes) bytes became free for new events; the file keeps its "
                    + "size, `reprise log backup` writes a smaller copy")
        }
        try output.flush()
    }
}
