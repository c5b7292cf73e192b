internal import CLMDB

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
