// Transactions are non-copyable values: one that has ended cannot be named any more.

internal import CLMDB

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

/// Begins a transaction (`mdb_txn_begin`).
func begin(_ environment: Environment, flags: UInt32) throws(LMDBError) -> TransactionHandle {
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

    /// Pages that the table occupies (`mdb_stat`), overflow pages included.
    public borrowing func pageCount(_ table: OrdinalTable) throws(LMDBError) -> Int {
        try pageCount(table.identifier)
    }

    /// Pages that the table occupies (`mdb_stat`), overflow pages included.
    public borrowing func pageCount(_ table: BytesTable) throws(LMDBError) -> Int {
        try pageCount(table.identifier)
    }

    private borrowing func pageCount(_ table: UInt32) throws(LMDBError) -> Int {
        var stat = MDB_stat()
        try unsafe check(mdb_stat(handle.pointer, table, &stat), "mdb_stat")
        return stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages
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
