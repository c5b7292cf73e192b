// Transactions are non-copyable values: one that has ended cannot be named any more.

internal import CLMDB
internal import Glibc

/// An `MDB_txn` that only this module can look into.
@safe public struct TransactionHandle {
    let pointer: OpaquePointer
}

/// What a read and a write transaction share: looking things up.
public protocol Transaction: ~Copyable {
    /// The transaction's `MDB_txn`, valid for as long as the value lives.
    var handle: TransactionHandle { get }
    /// Bytes per page, by which values are checked; `nil` in a write transaction, whose changed pages lie outside of
    /// the map and are not aligned.
    var mappedPageBytes: Int? { get }
}

/// A consistent view of the environment at one moment. Dropping it ends it.
///
/// A reader that stays open makes LMDB keep every page freed since: keep it short (`lmdb.h`, caveats).
public struct ReadTransaction: ~Copyable, Transaction {
    /// The `MDB_txn`.
    public var handle: TransactionHandle {
        guard let live else { preconditionFailure("a read transaction was used after it ended") }
        return live
    }
    /// Bytes per page where values can be checked by it.
    public let mappedPageBytes: Int?
    private let environment: Environment
    private var live: TransactionHandle?

    /// Begins a read transaction (`mdb_txn_begin`, `MDB_RDONLY`).
    ///
    /// - Throws: `readersFull`, `mapResized`.
    public init(_ environment: Environment) throws(LMDBError) {
        live = try begin(environment, flags: UInt32(MDB_RDONLY))
        mappedPageBytes = environment.pageBytes
        self.environment = environment
    }

    deinit { if let live { unsafe mdb_txn_abort(live.pointer) } }

    /// Ends the transaction and keeps the tables that it opened. Dropping it would close them again: a table handle is
    /// private to its transaction until that commits (`lmdb.h`, `mdb_dbi_open`), also where there is nothing to write.
    public consuming func commit() throws(LMDBError) {
        let ending = handle
        live = nil  // mdb_txn_commit frees the handle whether it succeeds or not
        try unsafe check(mdb_txn_commit(ending.pointer), "mdb_txn_commit")
    }
}

/// The one writer. `commit()` consumes it; dropping it aborts.
///
/// - Note: belongs to the thread that began it, until it ends (`lmdb.h`, `mdb_txn_begin`).
public struct WriteTransaction: ~Copyable, Transaction {
    /// The `MDB_txn`.
    public var handle: TransactionHandle {
        guard let live else { preconditionFailure("a write transaction was used after it ended") }
        return live
    }
    /// Bytes per page where values can be checked by it.
    public var mappedPageBytes: Int? { nil }
    private let environment: Environment
    private var live: TransactionHandle?

    /// Begins the write transaction; waits while another one is open.
    ///
    /// - Throws: `accessDenied` in a read-only environment, `panic`, `mapResized`.
    public init(_ environment: Environment) throws(LMDBError) {
        live = try begin(environment, flags: 0)
        self.environment = environment
    }

    deinit { if let live { unsafe mdb_txn_abort(live.pointer) } }

    /// Makes the changes permanent (`mdb_txn_commit`), on disk already where the environment syncs every commit.
    ///
    /// - Throws: `noSpace`, `mapFull`, `inputOutput`. Nothing was changed then.
    public consuming func commit() throws(LMDBError) {
        let ending = handle
        live = nil  // mdb_txn_commit frees the handle whether it succeeds or not
        var result = unsafe mdb_txn_commit(ending.pointer)
        // A disk that fills up in the middle of a write makes it short, and LMDB calls that EIO (mdb_page_flush).
        if result == EIO, environment.isDiskFull { result = ENOSPC }
        try check(result, "mdb_txn_commit")
    }
}

private func begin(_ environment: Environment, flags: UInt32) throws(LMDBError) -> TransactionHandle {
    var begun: OpaquePointer?
    try unsafe check(mdb_txn_begin(environment.handle, nil, flags, &begun), "mdb_txn_begin")
    guard let begun = unsafe begun else { throw LMDBError(.outOfMemory, in: "mdb_txn_begin") }
    return unsafe TransactionHandle(pointer: begun)
}

extension Transaction where Self: ~Copyable {
    /// A copy of the value under `key`, or `nil`.
    public borrowing func value(for key: UInt64, in table: OrdinalTable) throws(LMDBError) -> [UInt8]? {
        var key = key
        return try unsafe withUnsafeMutableBytes(of: &key) { bytes throws(LMDBError) in
            try unsafe copyOfValue(UnsafeRawBufferPointer(bytes), table.identifier)
        }
    }

    /// A copy of the value under `key`, or `nil`.
    public borrowing func value(for key: [UInt8], in table: BytesTable) throws(LMDBError) -> [UInt8]? {
        try unsafe key.span.bytes.withUnsafeBytes { bytes throws(LMDBError) in
            try unsafe copyOfValue(bytes, table.identifier)
        }
    }

    /// How many entries the table holds (`mdb_stat`).
    public borrowing func count(_ table: OrdinalTable) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try unsafe check(mdb_stat(handle.pointer, table.identifier, &stat), "mdb_stat")
        return stat.ms_entries
    }

    /// How many entries the table holds (`mdb_stat`).
    public borrowing func count(_ table: BytesTable) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try unsafe check(mdb_stat(handle.pointer, table.identifier, &stat), "mdb_stat")
        return stat.ms_entries
    }

    /// Whether the environment holds no table at all.
    public var rootIsEmpty: Bool {
        get throws(LMDBError) {
            var root: UInt32 = 0
            try unsafe check(mdb_dbi_open(handle.pointer, nil, 0, &root), "mdb_dbi_open")
            var stat = MDB_stat()
            try unsafe check(mdb_stat(handle.pointer, root, &stat), "mdb_stat")
            return stat.ms_entries == 0
        }
    }

    private borrowing func copyOfValue(_ key: UnsafeRawBufferPointer, _ table: UInt32) throws(LMDBError) -> [UInt8]? {
        var keyValue = unsafe MDB_val(key)
        var found = unsafe MDB_val()
        let result = unsafe mdb_get(handle.pointer, table, &keyValue, &found)
        if result == MDB_NOTFOUND { return nil }
        try check(result, "mdb_get")
        return try unsafe Array(found.bytes(pageBytes: mappedPageBytes))
    }
}

extension WriteTransaction {
    /// Appends a value of exactly `byteCount` bytes under `key`, which must be above every key in the table, and
    /// lets `write` fill it in LMDB's page (`MDB_APPEND | MDB_RESERVE`).
    ///
    /// - Precondition: `write` fills all `byteCount` bytes.
    /// - Throws: `keyExists` when the key is not above the last; `mapFull`; `transactionFull`.
    public borrowing func append(
        _ key: UInt64, byteCount: Int, to table: OrdinalTable, _ write: (inout OutputRawSpan) -> Void
    ) throws(LMDBError) {
        var key = key
        var reserved = unsafe MDB_val(mv_size: byteCount, mv_data: nil)
        let result = unsafe withUnsafeMutableBytes(of: &key) { bytes in
            var keyValue = unsafe MDB_val(UnsafeRawBufferPointer(bytes))
            return unsafe mdb_put(
                handle.pointer, table.identifier, &keyValue, &reserved, UInt32(MDB_APPEND | MDB_RESERVE))
        }
        try check(result, "mdb_put")
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(start: reserved.mv_data, count: byteCount), initializedCount: 0)
        write(&output)
        precondition(output.byteCount == byteCount, "reserved \(byteCount) bytes, wrote \(output.byteCount)")
    }

    /// Appends a copy of `bytes` under `key`, which must be above every key in the table.
    public borrowing func append(_ key: UInt64, bytes: RawSpan, to table: OrdinalTable) throws(LMDBError) {
        try append(key, byteCount: bytes.byteCount, to: table) { page in
            unsafe bytes.withUnsafeBytes { source in
                unsafe page.withUnsafeMutableBytes { target, count in
                    unsafe target.copyMemory(from: source)
                    count = source.count
                }
            }
        }
    }

    /// Puts or replaces a value.
    public borrowing func put(_ value: [UInt8], for key: UInt64, in table: OrdinalTable) throws(LMDBError) {
        var key = key
        let result = unsafe withUnsafeMutableBytes(of: &key) { bytes in
            unsafe put(value, UnsafeRawBufferPointer(bytes), table.identifier)
        }
        try check(result, "mdb_put")
    }

    /// Puts or replaces a value.
    public borrowing func put(_ value: [UInt8], for key: [UInt8], in table: BytesTable) throws(LMDBError) {
        let result = unsafe key.withUnsafeBytes { unsafe put(value, $0, table.identifier) }
        try check(result, "mdb_put")
    }

    /// Removes every entry of the table (`mdb_drop`), which stays open.
    public borrowing func removeAll(_ table: OrdinalTable) throws(LMDBError) {
        try unsafe check(mdb_drop(handle.pointer, table.identifier, 0), "mdb_drop")
    }

    /// Removes every entry of the table (`mdb_drop`), which stays open.
    public borrowing func removeAll(_ table: BytesTable) throws(LMDBError) {
        try unsafe check(mdb_drop(handle.pointer, table.identifier, 0), "mdb_drop")
    }

    private borrowing func put(_ value: [UInt8], _ key: UnsafeRawBufferPointer, _ table: UInt32) -> Int32 {
        unsafe value.withUnsafeBytes { bytes in
            var keyValue = unsafe MDB_val(key)
            var data = unsafe MDB_val(bytes)
            return unsafe mdb_put(handle.pointer, table, &keyValue, &data, 0)
        }
    }
}
