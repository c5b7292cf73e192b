// From JSON Lines to a new log. Everything derived is derived again, by the code that derived it the first time.

internal import LMDB
public import NIOCore

/// Why an import failed. Nothing is left of it then.
public enum LogImportError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The line with this number, counted from 1, cannot be read.
    case line(Int, EventJSONError)
    /// The event on this line cannot follow those before it.
    case order(line: Int, reason: String)
    /// The line is longer than any event.
    case lineTooLong(Int)
    /// The new log cannot be written.
    case log(LogError)

    /// What is wrong, in one line that begins with the number of the line.
    public var description: String {
        switch self {
        case .line(let line, let error): "line \(line): \(error)"
        case .order(let line, let reason): "line \(line): \(reason)"
        case .lineTooLong(let line): "line \(line): it is longer than \(LogImport.lineBytesMax) bytes"
        case .log(let error): error.description
        }
    }
}

/// Makes a new log from exported lines.
///
/// Positions and times are taken as they are; positions must be gapless from 1. The log gets an identity of its own, so
/// its chain hashes differ from the original's; its digests do not. `sessions`, `connections`, checkpoints and snapshots
/// are built anew, at the cadence of `CheckpointCadence`.
///
/// Owner: one thread. Give it the file's bytes in pieces of any size with `append`, then call `finish`. Dropped without
/// `finish`, or after an error, it removes what it made: there is never half a log.
public struct LogImport: ~Copyable {
    /// What an import made.
    public struct Report: Equatable, Sendable {
        /// Events, which is also the last position.
        public var events: UInt64 = 0
        /// Sessions.
        public var sessions: UInt64 = 0
        /// `D` and `M` after the last event.
        public var digest = DeliveryDigest()
        /// `M` after the last event.
        public var memberSet: UInt64 = 0
    }

    /// The most bytes in one line.
    public static let lineBytesMax = 64 << 20
    /// Events in one transaction, more or less.
    private static let commitEvents = 4 * CheckpointCadence.eventsPerCheckpoint

    private var folder: ImportFolder
    private var writer: LogWriter
    private var order = EventOrder()
    private var engine = Engine()
    private var cadence = CheckpointCadence()
    private var report = Report()
    /// The beginning of a line whose end has not come.
    private var unfinished = ByteBuffer()
    private var line = 0
    /// Events of the next transaction.
    private var events: [Event] = []
    /// How many of them the engine has applied.
    private var appliedCount = 0
    private var addenda = LogAddenda()
    /// Connections that `events` open; the `connections` table knows the others.
    private var opened: Set<ConnectionID> = []

    /// Begins an import.
    ///
    /// - Parameters:
    ///   - path: the data folder; it may exist, but must not hold a log.
    ///   - id: the identity of the new log, drawn by the caller.
    ///   - mapBytes: bytes to reserve for the map.
    public init(
        into path: String, id: LogID, mapBytes: Int = EventLog.mapBytesDefault
    ) throws(LogError) {
        let folder = try ImportFolder(path: path, id: id)
        let log = try EventLog(
            path: folder.unfinishedPath, access: .create(mapBytes: mapBytes, synchronization: .onRequest), newID: id)
        writer = try LogWriter(log)
        self.folder = folder
    }

    /// Takes the next bytes of the file.
    public mutating func append(_ bytes: ByteBuffer) throws(LogImportError) {
        var text = unfinished
        unfinished = ByteBuffer()
        text.writeImmutableBuffer(bytes)
        while let end = text.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) {
            let length = end - text.readerIndex
            guard let line = text.readSlice(length: length) else { break }
            text.moveReaderIndex(forwardBy: 1)
            try take(line)
        }
        guard text.readableBytes <= LogImport.lineBytesMax else { throw .lineTooLong(line + 1) }
        // A copy: the events that were read share the storage of `text`, and appending to it would copy all of it.
        unfinished.writeBytes(text.readableBytesSpan)
    }

    /// Commits the rest and puts the log into its folder.
    public consuming func finish() throws(LogImportError) -> Report {
        let rest = unfinished
        if rest.readableBytes > 0 { try take(rest) }
        apply(endsSession: false)
        try commit()
        report.events = engine.projection.position.rawValue
        report.digest = engine.digest
        report.memberSet = engine.projection.memberSet
        do throws(LogError) {
            do throws(LMDBError) { try writer.log.environment.sync() } catch { throw .storage(error) }
            try folder.publish()
        } catch {
            throw .log(error)
        }
        return report
    }

    private mutating func take(_ bytes: ByteBuffer) throws(LogImportError) {
        line += 1
        let event: Event
        do throws(EventJSONError) { event = try EventJSON.parse(bytes) } catch { throw .line(line, error) }
        if line == 1, event.position > .zero.next {
            throw .order(
                line: line,
                reason: "the export begins at position \(event.position): it is a part of a log, or of a trimmed one; "
                    + "an import needs every event from position 1, `log backup` copies a trimmed log")
        }
        if let reason = order.admit(event) { throw .order(line: line, reason: reason) }
        if case .connected(let connected) = event.fact { try open(connected.connection) }
        if case .sessionStarted = event.fact { report.sessions += 1 }
        events.append(event)
        var endsSession = false
        if case .sessionEnded = event.fact { endsSession = true }
        if endsSession || events.count - appliedCount == CheckpointCadence.eventsPerCheckpoint {
            apply(endsSession: endsSession)
            if addenda.snapshot != nil || events.count >= LogImport.commitEvents { try commit() }
        }
    }

    private mutating func open(_ connection: ConnectionID) throws(LogImportError) {
        let isNew: Bool
        do throws(LogError) {
            let isKnown = try writer.log.span(of: connection) != nil
            isNew = opened.insert(connection).inserted && !isKnown
        } catch {
            throw .log(error)
        }
        guard isNew else { throw .order(line: line, reason: "connection \(connection) was opened before") }
    }

    private mutating func apply(endsSession: Bool) {
        let group = events[appliedCount...]
        if group.isEmpty { return }
        _ = engine.apply(group)
        appliedCount = events.count
        let due = cadence.note(events: group.count, endsSession: endsSession)
        if due.checkpoint { addenda.checkpoints.append(engine.checkpoint) }
        if due.snapshot { addenda.snapshot = Snapshot(of: engine.projection) }
    }

    private mutating func commit() throws(LogImportError) {
        if events.isEmpty { return }
        do throws(LMDBError) { try writer.commit(events, addenda: addenda) } catch { throw .log(.storage(error)) }
        events.removeAll(keepingCapacity: true)
        opened.removeAll(keepingCapacity: true)
        appliedCount = 0
        addenda = LogAddenda()
    }
}
