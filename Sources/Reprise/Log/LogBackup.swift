// Copying a log while a server writes it. LMDB's own copy holds one read transaction for all of it, and the file grows
// by everything that the server frees meanwhile; so this reads bounded chunks, and writes them as a server does.

internal import LMDB
internal import NIOCore

/// Makes a copy of a log: the same identity, chain hashes, checkpoints and snapshots, up to the end that the log has when
/// the copy begins.
///
/// To who takes it up, the copy is a log whose server crashed at its last event: the next `serve` recovers it.
public enum LogBackup {
    /// What was copied.
    public struct Report: Equatable, Sendable {
        /// The first position, if the log holds any event.
        public var first: Position?
        /// The last position.
        public var last: Position
        /// Events.
        public var events: UInt64
        /// `D` after the last event.
        public var digest: UInt64
        /// `M` after the last event.
        public var memberSet: UInt64
        /// Bytes of the new file.
        public var bytes: Int
    }

    /// Copies `log` into a new folder.
    ///
    /// The folder appears when the copy is whole and synced. Until then it is `PATH.partial`, which goes away when the
    /// copy fails, and may be removed when it was killed.
    ///
    /// - Parameters:
    ///   - path: the new folder; it must not exist.
    ///   - attemptsMax: how often a copy is begun because a server trims what comes next.
    ///   - progress: is told the last copied position and the last position to copy, after each chunk.
    /// - Throws: `folder` where the folder exists or cannot be made; `damaged` where the log is not what was written;
    ///   `trimmed` where a server trims faster than this can copy.
    public static func copy(
        _ log: EventLog, to path: String, mapBytes: Int = EventLog.mapBytesDefault, attemptsMax: Int = 16,
        progress: (Position, Position) -> Void = { _, _ in }
    ) throws(LogError) -> Report {
        var folder = try BackupFolder(path: path)
        for _ in 1..<attemptsMax {
            do throws(LogError) {
                return try copy(log, into: &folder, mapBytes, progress)
            } catch {
                guard case .trimmed = error else { throw error }
                folder.empty()
            }
        }
        return try copy(log, into: &folder, mapBytes, progress)
    }

    private static func copy(
        _ log: EventLog, into folder: inout BackupFolder, _ mapBytes: Int, _ progress: (Position, Position) -> Void
    ) throws(LogError) -> Report {
        let end = try log.tail()
        let copy = try EventLog(
            path: folder.unfinishedPath, access: .create(mapBytes: mapBytes, synchronization: .onRequest),
            newID: log.id)
        let cut = try log.cut()
        if let cut { try begin(copy, behind: cut, of: log) }
        let first = (cut?.position ?? .zero).next
        var writer = try LogWriter(copy)
        var reader = try LogReader(log, from: first)
        while reader.next <= end.position {
            let events = try reader.read(through: end.position)
            guard let last = events.last?.position else { break }
            try write(events, derivedFrom: log, to: &writer)
            progress(last, end.position)
        }
        guard writer.tail == end else {
            throw .damaged(position: reader.next, reason: "the copy does not end as the log does")
        }
        let state = try finalState(of: copy)
        do throws(LMDBError) { try copy.environment.sync() } catch { throw .storage(error) }
        try folder.publish()
        return Report(
            first: first <= end.position ? first : nil, last: end.position,
            events: end.position.rawValue - first.previous.rawValue, digest: state.digest,
            memberSet: state.memberSet, bytes: copy.environment.info.usedBytes)
    }

    /// Stores what a log that begins behind a cut begins with.
    private static func begin(_ copy: EventLog, behind cut: LogCut, of log: EventLog) throws(LogError) {
        let state = try log.state(at: cut)
        var kept: [Event] = []
        for position in state.live.inOrder.map(\.connectedAt) + [cut.sessionFirst].compactMap(\.self) {
            guard let event = try log.keptEvent(at: position) else { throw try log.missing("meta", at: cut) }
            kept.append(event)
        }
        var session = cut.sessionFirst == nil ? nil : try log.sessions().first { $0.id == cut.latestSession }
        session?.last = nil
        session?.endedAt = nil
        session?.cause = nil
        do throws(LMDBError) {
            let transaction = try WriteTransaction(copy.environment)
            try copy.put(cut, Snapshot(of: state.live), state.checkpoint, kept: kept, in: transaction)
            for member in state.live.inOrder {
                let span = ConnectionSpan(opened: member.connectedAt, closed: nil)
                try transaction.put(span.encoded(), for: member.connection.key, in: copy.tables.connections)
            }
            if let session { try copy.put(session, in: transaction) }
            try transaction.commit()
        } catch {
            throw .storage(error)
        }
    }

    /// Writes a chunk, with the checkpoints and the snapshots that the log has in it.
    private static func write(
        _ events: [Event], derivedFrom log: EventLog, to writer: inout LogWriter
    ) throws(LogError) {
        let range = events[0].position...events[events.count - 1].position
        var addenda = LogAddenda()
        addenda.checkpoints = try log.checkpoints(from: range.lowerBound, through: range.upperBound)
        let snapshots = try log.snapshots(from: range.lowerBound, through: range.upperBound)
        addenda.snapshot = snapshots.first
        if let now = try log.cut(), now.position >= range.lowerBound {  // they may be gone, and the next events too
            throw .trimmed(position: range.lowerBound, first: now.position.next)
        }
        do throws(LMDBError) {
            try writer.commit(events, addenda: addenda)
            for snapshot in snapshots.dropFirst() {
                var more = LogAddenda()
                more.snapshot = snapshot
                try writer.commit([], addenda: more)
            }
        } catch {
            throw .storage(error)
        }
    }

    /// The digests at the end of a copy.
    private static func finalState(of copy: EventLog) throws(LogError) -> (digest: UInt64, memberSet: UInt64) {
        let end = try copy.tail().position
        guard let session = try copy.sessions().last else { return (0, 0) }
        let checkpoint = try copy.checkpoint(atOrBefore: end).flatMap { $0.position >= session.first ? $0 : nil }
        let engine = try Recovery.engine(of: copy, session: session, from: checkpoint, through: end)
        return (engine.digest.value, engine.projection.memberSet)
    }
}
