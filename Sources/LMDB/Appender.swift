// Appending to a table inside a write transaction.

internal import CLMDB

/// The end of a table with integer keys. Lent by `withAppender`, so that it cannot outlive its transaction.
///
/// It keeps a cursor there. `mdb_put` would walk from the root to the last leaf for every value: an append through the
/// cursor costs half as much.
@safe public struct Appender: ~Copyable {
    private let cursor: OpaquePointer

    fileprivate init(_ transaction: TransactionHandle, _ table: UInt32) throws(LMDBError) {
        var opened: OpaquePointer?
        try unsafe check(mdb_cursor_open(transaction.pointer, table, &opened), "mdb_cursor_open")
        guard let opened = unsafe opened else { throw LMDBError(.outOfMemory, in: "mdb_cursor_open") }
        unsafe cursor = unsafe opened
    }

    deinit { unsafe mdb_cursor_close(cursor) }

    /// Appends a value of exactly `byteCount` bytes under `key`, which must be above every key in the table, and lets
    /// `write` fill it in LMDB's page (`MDB_APPEND | MDB_RESERVE`).
    ///
    /// - Precondition: `write` fills all `byteCount` bytes.
    /// - Throws: `keyExists` when the key is not above the last; `mapFull`; `transactionFull`.
    public borrowing func append(
        _ key: UInt64, byteCount: Int, _ write: (inout OutputRawSpan) -> Void
    ) throws(LMDBError) {
        var key = key
        var reserved = unsafe MDB_val(mv_size: byteCount, mv_data: nil)
        let result = unsafe withUnsafeMutableBytes(of: &key) { bytes in
            var keyValue = unsafe MDB_val(UnsafeRawBufferPointer(bytes))
            return unsafe mdb_cursor_put(cursor, &keyValue, &reserved, UInt32(MDB_APPEND | MDB_RESERVE))
        }
        try check(result, "mdb_cursor_put")
        var output = unsafe OutputRawSpan(
            buffer: UnsafeMutableRawBufferPointer(start: reserved.mv_data, count: byteCount), initializedCount: 0)
        write(&output)
        precondition(output.byteCount == byteCount, "reserved \(byteCount) bytes, wrote \(output.byteCount)")
    }

    /// Appends a copy of `bytes` under `key`, which must be above every key in the table.
    public borrowing func append(_ key: UInt64, bytes: RawSpan) throws(LMDBError) {
        try append(key, byteCount: bytes.byteCount) { page in
            unsafe bytes.withUnsafeBytes { source in
                unsafe page.withUnsafeMutableBytes { target, count in
                    unsafe target.copyMemory(from: source)
                    count = source.count
                }
            }
        }
    }
}

extension WriteTransaction {
    /// Lends the end of `table`. Meanwhile only the appender may change this table; others may be changed as ever.
    ///
    /// - Throws: what opening the cursor or `body` throws.
    public borrowing func withAppender(
        to table: OrdinalTable, _ body: (borrowing Appender) throws(LMDBError) -> Void
    ) throws(LMDBError) {
        let appender = try Appender(handle, table.identifier)
        try body(appender)
    }
}
