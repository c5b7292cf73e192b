// What LMDB said, which call it said it to, and what a person can do about it.

internal import CLMDB
internal import Glibc

/// A return code of LMDB, or an `errno` that it passed on.
public struct LMDBError: Error, Equatable, Sendable, CustomStringConvertible {
    /// A return code of LMDB (negative) or an `errno` value (positive). Searchable by LMDB's own names.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The value as LMDB returned it.
        public var rawValue: Int32

        /// Wraps a return code.
        public init(rawValue: Int32) { self.rawValue = rawValue }

        /// `MDB_KEYEXIST`: the key is already there; for an append, it is not above the last key.
        public static let keyExists = Code(rawValue: MDB_KEYEXIST)
        /// `MDB_NOTFOUND`: no such key, or the end of the table.
        public static let notFound = Code(rawValue: MDB_NOTFOUND)
        /// `MDB_PAGE_NOTFOUND`: a page that another one names does not exist.
        public static let pageNotFound = Code(rawValue: MDB_PAGE_NOTFOUND)
        /// `MDB_CORRUPTED`: a page is of the wrong kind, or a value reaches past its page.
        public static let corrupted = Code(rawValue: MDB_CORRUPTED)
        /// `MDB_PANIC`: an earlier failure left the environment unusable.
        public static let panic = Code(rawValue: MDB_PANIC)
        /// `MDB_VERSION_MISMATCH`: the file was written by another version of LMDB's format.
        public static let versionMismatch = Code(rawValue: MDB_VERSION_MISMATCH)
        /// `MDB_INVALID`: the file is not an LMDB file.
        public static let invalid = Code(rawValue: MDB_INVALID)
        /// `MDB_MAP_FULL`: the reserved map is used up.
        public static let mapFull = Code(rawValue: MDB_MAP_FULL)
        /// `MDB_DBS_FULL`: more tables than the environment was opened for.
        public static let tablesFull = Code(rawValue: MDB_DBS_FULL)
        /// `MDB_READERS_FULL`: every reader slot is taken.
        public static let readersFull = Code(rawValue: MDB_READERS_FULL)
        /// `MDB_TXN_FULL`: one transaction touched too many pages.
        public static let transactionFull = Code(rawValue: MDB_TXN_FULL)
        /// `MDB_CURSOR_FULL`: the tree is deeper than a cursor's stack.
        public static let cursorFull = Code(rawValue: MDB_CURSOR_FULL)
        /// `MDB_PAGE_FULL`: internal error, a page has no room where it should.
        public static let pageFull = Code(rawValue: MDB_PAGE_FULL)
        /// `MDB_MAP_RESIZED`: another process made the map larger.
        public static let mapResized = Code(rawValue: MDB_MAP_RESIZED)
        /// `MDB_INCOMPATIBLE`: the table exists with other flags.
        public static let incompatible = Code(rawValue: MDB_INCOMPATIBLE)
        /// `MDB_BAD_RSLOT`: a reader slot was used by two transactions at once.
        public static let badReaderSlot = Code(rawValue: MDB_BAD_RSLOT)
        /// `MDB_BAD_TXN`: an earlier error in this transaction means that it must be aborted.
        public static let badTransaction = Code(rawValue: MDB_BAD_TXN)
        /// `MDB_BAD_VALSIZE`: a key of an impossible size.
        public static let badValueSize = Code(rawValue: MDB_BAD_VALSIZE)
        /// `MDB_BAD_DBI`: the table was closed or opened in a transaction that was aborted.
        public static let badTable = Code(rawValue: MDB_BAD_DBI)
        /// `ENOENT`: the folder does not exist.
        public static let noSuchFile = Code(rawValue: ENOENT)
        /// `EACCES`: the file may not be opened in this mode.
        public static let accessDenied = Code(rawValue: EACCES)
        /// `EROFS`: the file system is read-only.
        public static let readOnlyFileSystem = Code(rawValue: EROFS)
        /// `EAGAIN`: the environment is locked by someone else.
        public static let temporarilyUnavailable = Code(rawValue: EAGAIN)
        /// `ENOMEM`: not enough memory or address space.
        public static let outOfMemory = Code(rawValue: ENOMEM)
        /// `ENOSPC`: the disk is full.
        public static let noSpace = Code(rawValue: ENOSPC)
        /// `EDQUOT`: the disk quota is used up.
        public static let quotaExceeded = Code(rawValue: EDQUOT)
        /// `EIO`: the disk failed.
        public static let inputOutput = Code(rawValue: EIO)
    }

    /// The code.
    public var code: Code
    /// The LMDB function that returned it, for example `mdb_txn_commit`.
    public var operation: String

    /// Makes an error from a return code.
    public init(_ code: Code, in operation: String) {
        self.code = code
        self.operation = operation
    }

    /// LMDB's own words for the code.
    public var text: String { unsafe String(cString: mdb_strerror(code.rawValue)) }

    /// What to do about it, if anything can be done.
    public var remedy: String? {
        switch code {
        case .mapFull: "raise the map size (--log-bytes), or trim the log"
        case .noSpace, .quotaExceeded: "free space on the disk that holds the data folder"
        case .noSuchFile: "check the path of the data folder"
        case .accessDenied, .readOnlyFileSystem: "check the owner and the mode of the data folder"
        case .readersFull: "close other programs that read this folder"
        case .tablesFull: "open the environment with a higher tablesMax"
        case .transactionFull: "commit in smaller batches"
        case .versionMismatch: "open the folder with the LMDB version that wrote it (0.9)"
        case .invalid: "this is not an LMDB file: check the path, or restore a copy"
        case .corrupted, .pageNotFound: "the file is damaged: restore a copy, or export what still reads"
        case .outOfMemory: "reserve a smaller map (--log-bytes), or raise `ulimit -v`"
        case .panic, .inputOutput: "stop and restart; if it comes back, check the disk"
        case .mapResized: "reopen the environment"
        default: nil
        }
    }

    /// Operation, code, LMDB's words and the remedy.
    public var description: String {
        let head = "\(operation): \(text) (\(code.rawValue))"
        guard let remedy else { return head }
        return "\(head); \(remedy)"
    }
}

/// Throws unless `result` is `MDB_SUCCESS`.
@inline(__always)
func check(_ result: Int32, _ operation: @autoclosure () -> String) throws(LMDBError) {
    if result != MDB_SUCCESS { throw LMDBError(LMDBError.Code(rawValue: result), in: operation()) }
}
