public import LMDB

/// Why a log cannot be opened, read or written. Its description is one line that names the remedy.
public enum LogError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is no log in the folder.
    case noLog(path: String)
    /// There is a log already where a new one should be made.
    case logExists(path: String)
    /// The folder was written by another version of Reprise.
    case unknownFormat(path: String, found: UInt64)
    /// The folder holds an LMDB file in which there is no log: another program's, or one of ours whose root a power cut
    /// damaged. Nothing in it tells which.
    case notALog(path: String)
    /// A record cannot be trusted. Positions before it can.
    case damaged(position: Position, reason: String)
    /// Something derived from the events does not fit them. The key is a position, in `sessions` a session's ordinal.
    case derivedDamaged(table: String, key: UInt64, reason: String)
    /// The position was trimmed away: the log begins at `first`.
    case trimmed(position: Position, first: Position)
    /// LMDB failed.
    case storage(LMDBError)
    /// The folder cannot be made.
    case folder(path: String, reason: String)

    /// The newest version of the folder's format that this build reads.
    ///
    /// 1: the events begin at position 1. 2: the log was trimmed; `meta` holds the cut that it begins behind. A log
    /// stays at 1 until its first trim, so that builds which know no cut can still read it.
    public static let formatVersion: UInt64 = 2
    /// The version of a log that was never trimmed.
    static let untrimmedFormatVersion: UInt64 = 1

    /// Whether the log itself is damaged, rather than out of reach.
    public var isDamage: Bool {
        switch self {
        case .damaged, .derivedDamaged, .notALog: true
        case .storage(let error): [.corrupted, .pageNotFound, .invalid, .badTransaction].contains(error.code)
        case .noLog, .logExists, .unknownFormat, .folder, .trimmed: false
        }
    }

    /// One line: what is wrong, and what to do about it.
    public var description: String {
        switch self {
        case .noLog(let path):
            "there is no log in \(path); name a data folder that `reprise serve` or `reprise log import` made"
        case .logExists(let path):
            "there is a log in \(path) already; name a folder that does not exist yet"
        case .unknownFormat(let path, let found):
            "\(path) has format version \(found), this build reads up to \(LogError.formatVersion); "
                + "use the build that wrote it to `log export`, and this one to `log import`"
        case .notALog(let path):
            "\(path) holds an LMDB file without a Reprise log in it: it is another program's, or a power cut damaged it; "
                + "name another data folder, or restore a copy"
        case .damaged(let position, let reason):
            "the log is damaged at position \(position): \(reason)"
        case .derivedDamaged(let table, let key, let reason):
            "the log's \(table) table is damaged at \(table == "sessions" ? "session" : "position") \(key): \(reason)"
        case .trimmed(let position, let first):
            "position \(position) was trimmed away: the log begins at position \(first)"
        case .storage(let error):
            error.description
        case .folder(let path, let reason):
            "cannot make the folder \(path): \(reason)"
        }
    }
}
