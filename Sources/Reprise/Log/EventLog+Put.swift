// Storing what is derived from events: sealed, and under the key that it is looked up by.

internal import LMDB
internal import NIOCore

extension EventLog {
    /// Stores an entry of the catalogue.
    func put(_ session: Session, in transaction: borrowing WriteTransaction) throws(LMDBError) {
        try put(session.encoded(), for: session.id.rawValue, in: tables.sessions, transaction)
    }

    /// Stores a checkpoint.
    func put(_ checkpoint: Checkpoint, in transaction: borrowing WriteTransaction) throws(LMDBError) {
        try put(checkpoint.encoded(), for: checkpoint.position.rawValue, in: tables.checkpoints, transaction)
    }

    /// Stores a snapshot.
    func put(_ snapshot: Snapshot, in transaction: borrowing WriteTransaction) throws(LMDBError) {
        try put(snapshot.encoded(), for: snapshot.position.rawValue, in: tables.snapshots, transaction)
    }

    private func put(
        _ value: ByteBuffer, for key: UInt64, in table: OrdinalTable, _ transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        try transaction.put(DerivedValue.seal(value, key: key), for: key, in: table)
    }
}
