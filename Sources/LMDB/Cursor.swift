// A lazy, single-pass walk over a table inside a transaction.

internal import CLMDB

/// A position in a table with integer keys. Lent by `withCursor`, so that it cannot outlive its transaction.
///
/// Every movement says whether there is an entry there; `key` and `withValue` then speak of this entry.
@safe public struct Cursor: ~Copyable {
    private let handle: OpaquePointer
    private let pageBytes: Int?
    private var value = unsafe MDB_val()

    /// The key of the current entry.
    public private(set) var key: UInt64 = 0

    fileprivate init(_ transaction: TransactionHandle, _ table: UInt32, pageBytes: Int?) throws(LMDBError) {
        var opened: OpaquePointer?
        try unsafe check(mdb_cursor_open(transaction.pointer, table, &opened), "mdb_cursor_open")
        guard let opened = unsafe opened else { throw LMDBError(.outOfMemory, in: "mdb_cursor_open") }
        unsafe handle = unsafe opened
        self.pageBytes = pageBytes
    }

    deinit { unsafe mdb_cursor_close(handle) }

    /// Moves to the first entry.
    public mutating func first() throws(LMDBError) -> Bool { try move(MDB_FIRST) }

    /// Moves to the last entry.
    public mutating func last() throws(LMDBError) -> Bool { try move(MDB_LAST) }

    /// Moves to the next entry.
    public mutating func next() throws(LMDBError) -> Bool { try move(MDB_NEXT) }

    /// Moves to the previous entry.
    public mutating func previous() throws(LMDBError) -> Bool { try move(MDB_PREV) }

    /// Moves to the first entry whose key is `key` or above.
    public mutating func seek(_ key: UInt64) throws(LMDBError) -> Bool {
        var target = key
        return try unsafe withUnsafeMutableBytes(of: &target) { bytes throws(LMDBError) in
            try unsafe move(MDB_SET_RANGE, from: MDB_val(UnsafeRawBufferPointer(bytes)))
        }
    }

    /// Moves to the last entry whose key is `key` or below.
    public mutating func seekBackward(_ key: UInt64) throws(LMDBError) -> Bool {
        guard try seek(key) else { return try last() }
        return self.key == key ? true : try previous()
    }

    /// Lends the current entry's bytes; they must not leave the closure.
    ///
    /// - Throws: what `body` throws.
    public borrowing func withValue<Result, Failure: Error>(
        _ body: (RawSpan) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let bytes = unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
        return try unsafe body(bytes.bytes)
    }

    /// Copies the values of entries with consecutive keys side by side, from the current entry on, and moves past them.
    ///
    /// It stops before a gap in the keys, a key above `last`, and a value for which `output` has no room.
    ///
    /// - Parameters:
    ///   - output: gets the bytes.
    ///   - ends: gets the offset in `output` after each value.
    ///   - countMax: the most values to copy.
    ///   - bytesMax: the most bytes to copy, unless the first value is larger.
    /// - Returns: whether there is a current entry: the first one that was not copied.
    public mutating func copyRun(
        through last: UInt64, countMax: Int, bytesMax: Int = .max, to output: inout OutputRawSpan, ends: inout [Int]
    ) throws(LMDBError) -> Bool {
        var expected = key
        for _ in 0..<countMax {
            guard key == expected, key <= last, unsafe value.mv_size <= output.freeCapacity,
                unsafe output.byteCount == 0 || output.byteCount + value.mv_size <= bytesMax
            else { return true }
            unsafe output.withUnsafeMutableBytes { target, count in
                let source = unsafe UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size)
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[count...]).copyMemory(from: source)
                count += source.count
            }
            ends.append(output.byteCount)
            expected += 1
            guard try next() else { return false }
        }
        return true
    }

    /// Removes the current entry (`mdb_cursor_del`). There is no current entry then: move before anything else.
    fileprivate func removeCurrent() throws(LMDBError) {
        try unsafe check(mdb_cursor_del(handle, 0), "mdb_cursor_del")
    }

    private mutating func move(_ operation: MDB_cursor_op) throws(LMDBError) -> Bool {
        try unsafe move(operation, from: MDB_val())
    }

    private mutating func move(_ operation: MDB_cursor_op, from start: MDB_val) throws(LMDBError) -> Bool {
        var keyValue = unsafe start
        let result = unsafe mdb_cursor_get(handle, &keyValue, &value, operation)
        if result == MDB_NOTFOUND { return false }
        try check(result, "mdb_cursor_get")
        guard unsafe keyValue.mv_size == MemoryLayout<UInt64>.size, let bytes = unsafe keyValue.mv_data else {
            throw LMDBError(.corrupted, in: "read of a key")
        }
        key = unsafe bytes.loadUnaligned(as: UInt64.self)
        _ = try unsafe value.bytes(pageBytes: pageBytes)
        return true
    }
}

extension Transaction where Self: ~Copyable {
    /// Lends a cursor over `table`.
    ///
    /// - Throws: what opening the cursor or `body` throws.
    public borrowing func withCursor<Result>(
        _ table: OrdinalTable, _ body: (inout Cursor) throws -> Result
    ) throws -> Result {
        var cursor = try Cursor(handle, table.identifier, pageBytes: mappedPageBytes)
        return try body(&cursor)
    }
}

extension WriteTransaction {
    /// Removes every entry whose key is `last` or below.
    ///
    /// - Returns: how many there were.
    @discardableResult
    public borrowing func removeAll(through last: UInt64, from table: OrdinalTable) throws(LMDBError) -> Int {
        var cursor = try Cursor(handle, table.identifier, pageBytes: nil)
        var count = 0
        // From the first entry each time: where a cursor stands after a removal that emptied its page is LMDB's affair.
        while try cursor.first(), cursor.key <= last {
            try cursor.removeCurrent()
            count += 1
        }
        return count
    }
}
