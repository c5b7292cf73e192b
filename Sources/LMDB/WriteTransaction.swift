internal import CLMDB
internal import Glibc

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

extension WriteTransaction {
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

    /// Removes the entry under `key`, if there is one (`mdb_del`).
    public borrowing func remove(_ key: UInt64, from table: OrdinalTable) throws(LMDBError) {
        var key = key
        let result = unsafe withUnsafeMutableBytes(of: &key) { bytes in
            unsafe remove(UnsafeRawBufferPointer(bytes), table.identifier)
        }
        if result != MDB_NOTFOUND { try check(result, "mdb_del") }
    }

    /// Removes the entry under `key`, if there is one (`mdb_del`).
    public borrowing func remove(_ key: [UInt8], from table: BytesTable) throws(LMDBError) {
        let result = unsafe key.withUnsafeBytes { unsafe remove($0, table.identifier) }
        if result != MDB_NOTFOUND { try check(result, "mdb_del") }
    }

    /// Removes every entry of the table (`mdb_drop`), which stays open.
    public borrowing func removeAll(_ table: OrdinalTable) throws(LMDBError) {
        try unsafe check(mdb_drop(handle.pointer, table.identifier, 0), "mdb_drop")
    }

    /// Removes every entry of the table (`mdb_drop`), which stays open.
    public borrowing func removeAll(_ table: BytesTable) throws(LMDBError) {
        try unsafe check(mdb_drop(handle.pointer, table.identifier, 0), "mdb_drop")
    }

    private borrowing func remove(_ key: UnsafeRawBufferPointer, _ table: UInt32) -> Int32 {
        var keyValue = unsafe MDB_val(key)
        return unsafe mdb_del(handle.pointer, table, &keyValue, nil)
    }

    private borrowing func put(_ value: [UInt8], _ key: UnsafeRawBufferPointer, _ table: UInt32) -> Int32 {
        unsafe value.withUnsafeBytes { bytes in
            var keyValue = unsafe MDB_val(key)
            var data = unsafe MDB_val(bytes)
            return unsafe mdb_put(handle.pointer, table, &keyValue, &data, 0)
        }
    }
}
