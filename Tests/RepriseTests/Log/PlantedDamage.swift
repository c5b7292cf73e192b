// Damage on purpose: what a bad disk, a stray tool or a bug might leave behind.

import LMDB
import NIOCore

@testable import Reprise

/// Changes the bytes of a log behind its back.
struct PlantedDamage {
    private let log: EventLog

    init(in folder: String) throws {
        log = try EventLog(
            path: folder, access: .write(mapBytes: 256 << 20, synchronization: .onRequest), newID: LogID(rawValue: 0))
    }

    /// Replaces the records by what `change` makes of them: (position, bytes).
    func records(_ change: (inout [(UInt64, [UInt8])]) -> Void) throws {
        var records: [(UInt64, [UInt8])] = []
        do {
            let transaction = try ReadTransaction(log.environment)
            try transaction.withCursor(log.tables.events) { cursor in
                var found = try cursor.first()
                while found {
                    records.append((cursor.key, cursor.withValue(Array.init(copying:))))
                    found = try cursor.next()
                }
            }
        }
        change(&records)
        let transaction = try WriteTransaction(log.environment)
        try transaction.removeAll(log.tables.events)
        try transaction.withAppender(to: log.tables.events) { appender throws(LMDBError) in
            for (key, bytes) in records { try unsafe appender.append(key, bytes: bytes.span.bytes) }
        }
        try transaction.commit()
    }

    /// Replaces the whole log by `events`, with every chain hash right: what a broken writer would leave.
    func rewrite(_ events: [Event]) throws {
        let transaction = try WriteTransaction(log.environment)
        try transaction.removeAll(log.tables.events)
        try transaction.removeAll(log.tables.sessions)
        try transaction.removeAll(log.tables.connections)
        try transaction.removeAll(log.tables.checkpoints)
        try transaction.removeAll(log.tables.snapshots)
        try transaction.commit()
        var writer = try LogWriter(log)
        try writer.commit(events)
    }

    /// Replaces a checkpoint, with a seal that fits.
    func checkpoint(_ checkpoint: Checkpoint) throws {
        let key = checkpoint.position.rawValue
        try put(DerivedValue.seal(checkpoint.encoded(), key: key), key, log.tables.checkpoints)
    }

    /// Replaces a snapshot, with a seal that fits.
    func snapshot(_ snapshot: Snapshot) throws {
        let key = snapshot.position.rawValue
        try put(DerivedValue.seal(snapshot.encoded(), key: key), key, log.tables.snapshots)
    }

    /// Replaces a session's entry, with a seal that fits.
    func session(_ session: Session) throws {
        let key = session.id.rawValue
        try put(DerivedValue.seal(session.encoded(), key: key), key, log.tables.sessions)
    }

    /// Changes one byte of a checkpoint; its seal does not fit any more.
    func breakSeal(at position: Position) throws {
        let bytes: [UInt8]? = try log.read { transaction in
            try transaction.value(for: position.rawValue, in: log.tables.checkpoints)
        }
        guard var bytes else { return }
        bytes[0] ^= 1
        try put(bytes, position.rawValue, log.tables.checkpoints)
    }

    /// Replaces the entry of a connection.
    func span(_ span: ConnectionSpan, of connection: ConnectionID) throws {
        let transaction = try WriteTransaction(log.environment)
        try transaction.put(span.encoded(), for: connection.key, in: log.tables.connections)
        try transaction.commit()
    }

    /// Takes the entry of a connection away.
    func forget(_ connection: ConnectionID) throws {
        let transaction = try WriteTransaction(log.environment)
        try transaction.remove(connection.key, from: log.tables.connections)
        try transaction.commit()
    }

    private func put(_ bytes: [UInt8], _ key: UInt64, _ table: OrdinalTable) throws {
        let transaction = try WriteTransaction(log.environment)
        try transaction.put(bytes, for: key, in: table)
        try transaction.commit()
    }
}
