// A data folder: the events, which are the only truth, and what is derived from them.

internal import Glibc
public import LMDB
internal import NIOCore

/// An open log.
///
/// Thread safety: any thread may read; one `LogWriter` writes, on one thread.
public final class EventLog: Sendable {
    /// How to open a log.
    public enum Access: Sendable {
        /// For reading, beside a running server or not.
        case read
        /// For writing; makes the log where there is none.
        case write(mapBytes: Int, synchronization: Environment.Synchronization)
        /// For writing a new log; refuses where there is one.
        case create(mapBytes: Int, synchronization: Environment.Synchronization)
    }

    /// The tables.
    struct Tables: Sendable {
        /// Position → record.
        var events: OrdinalTable
        /// Session ordinal → first and last position, times, cause.
        var sessions: OrdinalTable
        /// Connection id → positions of its open and its close.
        var connections: BytesTable
        /// Position → digests.
        var checkpoints: OrdinalTable
        /// Position → live connection set.
        var snapshots: OrdinalTable
        /// Name → format version, `LogID`, run state, the cut, and the records that it keeps.
        var meta: BytesTable
    }

    /// The folder.
    public let path: String
    /// The identity of this log.
    public let id: LogID
    /// The LMDB environment.
    public let environment: Environment
    let tables: Tables

    /// Bytes reserved for the map unless told otherwise: 64 GiB of sparse file.
    public static let mapBytesDefault = 64 << 30

    /// Opens the log in the folder at `path`.
    ///
    /// - Parameter newID: the identity to give if the log is made now.
    /// - Throws: `noLog`, `logExists`, `unknownFormat`, `notALog`, `folder`, `storage`.
    public init(path: String, access: Access, newID: @autoclosure () -> LogID) throws(LogError) {
        self.path = path
        let exists = unsafe Glibc.access("\(path)/data.mdb", F_OK) == 0
        do {
            switch access {
            case .read:
                guard exists else { throw LogError.noLog(path: path) }
                environment = try Environment(path: path, options: .init(readOnly: true))
                (id, tables) = try EventLog.openTables(of: environment, path: path)
            case .write(let mapBytes, let synchronization):
                if !exists { try EventLog.publishEmpty(in: path, mapBytes: mapBytes, id: newID()) }
                environment = try Environment(
                    path: path, options: .init(mapBytes: mapBytes, synchronization: synchronization))
                try EventLog.settle(environment)
                (id, tables) = try EventLog.openTables(of: environment, path: path)
            case .create(let mapBytes, let synchronization):
                guard !exists else { throw LogError.logExists(path: path) }
                try EventLog.makeFolder(path)
                environment = try Environment(
                    path: path, options: .init(mapBytes: mapBytes, synchronization: synchronization))
                id = newID()
                tables = try EventLog.makeTables(in: environment, id: id)
            }
        } catch let error as LogError {
            throw error
        } catch let error as LMDBError {
            throw .storage(error)
        } catch {
            preconditionFailure("opening a log threw \(error)")
        }
    }

    /// Makes the folder at `path` and those above it, where they do not exist, each for its owner alone.
    public static func makeFolder(_ path: String) throws(LogError) {
        var end = path.startIndex
        repeat {
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            let prefix = String(path[..<end])
            if unsafe mkdir(prefix, 0o700) == 0 {
                do {
                    try UnfinishedLog.syncNames(in: prefix + "/..")
                } catch {
                    unsafe rmdir(prefix)  // so that the next attempt makes and syncs it
                    throw error
                }
            } else if errno != EEXIST {
                throw .folder(path: prefix, reason: unsafe String(cString: strerror(errno)))
            }
        } while end < path.endIndex
    }

    /// Makes a log without events, elsewhere, and puts it into the folder when it is synced: after a power cut there is a
    /// log or none, and nothing in between.
    private static func publishEmpty(in path: String, mapBytes: Int, id: LogID) throws(LogError) {
        var folder = try ImportFolder(path: path, id: id)
        _ = try EventLog(
            path: folder.unfinishedPath, access: .create(mapBytes: mapBytes, synchronization: .everyCommit), newID: id)
        try folder.publish()
    }

    /// Makes the last commit of a writer that was killed visible to read transactions.
    ///
    /// LMDB writes the commit's meta page first and its number into the lock file after that. A kill in between leaves the
    /// old number there for as long as any reader keeps the lock file in use, and reads show the log without the last
    /// commit; the next write transaction finds the dead owner of the lock and sets the number right. It has to come
    /// before the first look at the tail, or what follows that tail is there already.
    private static func settle(_ environment: Environment) throws(LMDBError) {
        _ = try WriteTransaction(environment)  // aborted at once
    }

    private static func openTables(
        of environment: Environment, path: String
    ) throws -> (LogID, Tables) {
        let transaction = try ReadTransaction(environment)
        let tables: Tables
        do {
            let meta = try transaction.bytesTable("meta")
            guard let format = try transaction.value(for: MetaKey.format, in: meta).flatMap(UInt64.init(littleEndian:))
            else { throw LogError.notALog(path: path) }
            guard (LogError.untrimmedFormatVersion...LogError.formatVersion).contains(format) else {
                throw LogError.unknownFormat(path: path, found: format)
            }
            tables = Tables(
                events: try transaction.ordinalTable("events"), sessions: try transaction.ordinalTable("sessions"),
                connections: try transaction.bytesTable("connections"),
                checkpoints: try transaction.ordinalTable("checkpoints"),
                snapshots: try transaction.ordinalTable("snapshots"), meta: meta)
        } catch let error as LMDBError where error.code == .notFound || error.code == .incompatible {
            throw LogError.notALog(path: path)
        }
        guard let id = try transaction.value(for: MetaKey.logID, in: tables.meta).flatMap(UInt64.init(littleEndian:))
        else { throw LogError.notALog(path: path) }
        try transaction.commit()  // or the tables would be closed again
        return (LogID(rawValue: id), tables)
    }

    private static func makeTables(in environment: Environment, id: LogID) throws(LMDBError) -> Tables {
        let transaction = try WriteTransaction(environment)
        let tables = Tables(
            events: try transaction.makeOrdinalTable("events"),
            sessions: try transaction.makeOrdinalTable("sessions"),
            connections: try transaction.makeBytesTable("connections"),
            checkpoints: try transaction.makeOrdinalTable("checkpoints"),
            snapshots: try transaction.makeOrdinalTable("snapshots"), meta: try transaction.makeBytesTable("meta"))
        try transaction.put(LogError.untrimmedFormatVersion.littleEndianBytes, for: MetaKey.format, in: tables.meta)
        try transaction.put(id.rawValue.littleEndianBytes, for: MetaKey.logID, in: tables.meta)
        try transaction.commit()
        return tables
    }
}

/// Keys of the `meta` table.
enum MetaKey {
    static let format = Array("format".utf8)
    static let logID = Array("logID".utf8)
    static let run = Array("run".utf8)
    static let cut = Array("cut".utf8)

    /// The record of a trimmed event that is still needed.
    static func kept(_ position: Position) -> [UInt8] { Array("kept".utf8) + position.rawValue.littleEndianBytes }
}

extension UInt64 {
    var littleEndianBytes: [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: self >> UInt64(8 * $0)) } }

    init?(littleEndian bytes: [UInt8]) {
        guard bytes.count == 8 else { return nil }
        self = bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
