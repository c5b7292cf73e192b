import LMDB
import RepriseTesting

extension TemporaryFolder {
    func environment(mapBytes: Int? = 1 << 24, readOnly: Bool = false) throws(LMDBError) -> Environment {
        try Environment(path: path, options: .init(mapBytes: mapBytes, readOnly: readOnly))
    }
}

extension Environment {
    /// Makes a table with integer keys that holds `keys`, each with its own decimal text.
    func makeTable(_ name: String = "table", keys: [UInt64] = []) throws(LMDBError) -> OrdinalTable {
        let transaction = try WriteTransaction(self)
        let table = try transaction.makeOrdinalTable(name)
        for key in keys { try transaction.append(key, copyOf: Array("\(key)".utf8), to: table) }
        try transaction.commit()
        return table
    }

    func value(for key: UInt64, in table: OrdinalTable) throws(LMDBError) -> [UInt8]? {
        try ReadTransaction(self).value(for: key, in: table)
    }
}

extension WriteTransaction {
    borrowing func append(_ key: UInt64, copyOf bytes: [UInt8], to table: OrdinalTable) throws(LMDBError) {
        try withAppender(to: table) { appender throws(LMDBError) in
            try unsafe appender.append(key, bytes: bytes.span.bytes)
        }
    }
}
