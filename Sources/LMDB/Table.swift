// The two shapes of table that we use. The type says which keys it takes.

internal import CLMDB

/// A table whose keys are 64-bit integers in native byte order (`MDB_INTEGERKEY`), sorted as numbers.
public struct OrdinalTable: Sendable {
    let identifier: UInt32
}

/// A table whose keys are 1 to 511 bytes, sorted as bytes.
public struct BytesTable: Sendable {
    let identifier: UInt32
}

extension WriteTransaction {
    /// Opens, or makes, a table with integer keys. The table may be used once this transaction has committed.
    ///
    /// - Throws: `incompatible` when a table of that name has other keys; `tablesFull`.
    public borrowing func makeOrdinalTable(_ name: String) throws(LMDBError) -> OrdinalTable {
        OrdinalTable(identifier: try open(name, flags: UInt32(MDB_CREATE | MDB_INTEGERKEY)))
    }

    /// Opens, or makes, a table with byte keys. The table may be used once this transaction has committed.
    public borrowing func makeBytesTable(_ name: String) throws(LMDBError) -> BytesTable {
        BytesTable(identifier: try open(name, flags: UInt32(MDB_CREATE)))
    }
}

extension ReadTransaction {
    /// Opens an existing table with integer keys. The table may be used after this transaction if it is committed.
    ///
    /// - Throws: `notFound` when there is no such table; `incompatible` when it has other keys.
    public borrowing func ordinalTable(_ name: String) throws(LMDBError) -> OrdinalTable {
        OrdinalTable(identifier: try open(name, flags: UInt32(MDB_INTEGERKEY)))
    }

    /// Opens an existing table with byte keys. The table may be used after this transaction if it is committed.
    public borrowing func bytesTable(_ name: String) throws(LMDBError) -> BytesTable {
        BytesTable(identifier: try open(name, flags: 0))
    }
}

extension Transaction where Self: ~Copyable {
    borrowing func open(_ name: String, flags: UInt32) throws(LMDBError) -> UInt32 {
        var identifier: UInt32 = 0
        try unsafe check(mdb_dbi_open(handle.pointer, name, flags, &identifier), "mdb_dbi_open \(name)")
        return identifier
    }
}
