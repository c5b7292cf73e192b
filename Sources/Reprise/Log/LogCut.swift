// Where a trimmed log begins, and what must be known there to go on as if nothing were missing.

internal import LMDB
internal import NIOCore

/// The end of what was trimmed away. The first event that the log still holds has the next position.
///
/// It lies in `meta`. In the same transaction a trim leaves, under the cut's position, a checkpoint (digests, counts) and
/// a snapshot (the live set), and in `meta` the records of the trimmed events that are still needed: the `connected` of
/// every live connection, and the `sessionStarted` of the running session.
public struct LogCut: Equatable, Sendable {
    /// How far a live connection has skipped.
    public struct Skip: Equatable, Sendable {
        /// The connection.
        public var connection: ConnectionID
        /// The last position that it has skipped.
        public var through: Position
    }

    /// The last position that was trimmed away.
    public var position: Position
    /// The chain hash of its record.
    public var hash: UInt64
    /// Its time.
    public var time: Timestamp
    /// The last session that started at or before it.
    public var latestSession: SessionID
    /// The position of this session's `sessionStarted`, if it had not ended there.
    public var sessionFirst: Position?
    /// The live connections that had skipped something, in order of id.
    public var skips: [Skip]
}

extension LogCut {
    /// Shape, little-endian: `position u64 · hash u64 · time i64 · latestSession u64 · sessionFirst u64 (0: none) ·
    /// skips LEB128 · each id and through u64`, sealed with the key 0.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeInteger(position.rawValue, endianness: .little)
        buffer.writeInteger(hash, endianness: .little)
        buffer.writeInteger(time.rawValue, endianness: .little)
        buffer.writeInteger(latestSession.rawValue, endianness: .little)
        buffer.writeInteger(sessionFirst?.rawValue ?? 0, endianness: .little)
        buffer.writeLength(skips.count)
        for skip in skips {
            buffer.writeToken(skip.connection.token)
            buffer.writeInteger(skip.through.rawValue, endianness: .little)
        }
        return buffer
    }

    init(decoding fields: inout RecordFields) throws(RecordDamage) {
        position = Position(try fields.integer("position"))
        hash = try fields.integer("hash")
        time = Timestamp(rawValue: try fields.integer("time"))
        latestSession = SessionID(try fields.integer("latestSession"))
        let sessionFirst = Position(try fields.integer("sessionFirst"))
        self.sessionFirst = sessionFirst > .zero ? sessionFirst : nil
        skips = []
        for _ in 0..<(try fields.length("skips")) {
            let connection = ConnectionID(token: try fields.token("connection"))
            skips.append(Skip(connection: connection, through: Position(try fields.integer("through"))))
        }
    }
}

extension EventLog {
    /// Where the log was cut, or `nil` when it was never trimmed.
    public func cut() throws(LogError) -> LogCut? { try read { try self.cut(in: $0) } }

    /// The same, as a transaction sees it.
    func cut(in transaction: borrowing ReadTransaction) throws -> LogCut? {
        guard let bytes = try transaction.value(for: MetaKey.cut, in: tables.meta) else { return nil }
        return try DerivedValue.open(bytes, table: "meta", key: 0) { fields throws(RecordDamage) in
            try LogCut(decoding: &fields)
        }
    }

    /// A trimmed event that the cut keeps.
    func keptEvent(at position: Position) throws(LogError) -> Event? {
        let bytes = try read { transaction in
            try transaction.value(for: MetaKey.kept(position), in: self.tables.meta)
        }
        guard let bytes else { return nil }
        do throws(RecordDamage) {
            return try EventCodec.decode(
                ByteBuffer(bytes: bytes), at: position, previousHash: keptSeed(of: position)
            ).event
        } catch {
            throw .derivedDamaged(table: "meta", key: position.rawValue, reason: error.description)
        }
    }

    /// The record of a trimmed event that the cut keeps. It stands alone: its chain hash is seeded with its own position.
    func keptRecord(of event: Event) -> [UInt8] {
        var buffer = ByteBuffer()
        _ = EventCodec.encode(event, previousHash: keptSeed(of: event.position), into: &buffer)
        return Array(buffer.readableBytesView)
    }

    private func keptSeed(of position: Position) -> UInt64 {
        EventCodec.firstSeed(log: id, after: position.previous)
    }
}

extension EventLog {
    /// Stores a cut with everything that must be known there.
    ///
    /// - Parameter checkpoint: `nil` where the table has one at the cut already.
    func put(
        _ cut: LogCut, _ snapshot: Snapshot, _ checkpoint: Checkpoint?, kept: [Event],
        in transaction: borrowing WriteTransaction
    ) throws(LMDBError) {
        try transaction.put(LogError.formatVersion.littleEndianBytes, for: MetaKey.format, in: tables.meta)
        try transaction.put(DerivedValue.seal(cut.encoded(), key: 0), for: MetaKey.cut, in: tables.meta)
        for event in kept {
            try transaction.put(keptRecord(of: event), for: MetaKey.kept(event.position), in: tables.meta)
        }
        try put(snapshot, in: transaction)
        if let checkpoint { try put(checkpoint, in: transaction) }
    }

    /// The engine before the first event that the log holds: at the cut, where there is one.
    func engineBeforeFirst() throws(LogError) -> Engine {
        guard let cut = try cut() else { return Engine() }
        let state = try state(at: cut)
        guard let started = state.started else { return Engine(before: cut.position) }
        return Engine(resuming: started, at: state.checkpoint, projection: state.live)
    }

    /// What is known at a cut: the live set, the digests and counts, and the first fact of the running session.
    ///
    /// - Throws: `derivedDamaged` where something of it is missing; `trimmed` where the cut has moved on meanwhile.
    func state(
        at cut: LogCut
    ) throws(LogError) -> (live: Projection, checkpoint: Checkpoint, started: SessionStarted?) {
        guard let snapshot = try snapshot(atOrBefore: cut.position), snapshot.position == cut.position else {
            throw try missing("snapshots", at: cut)
        }
        guard let checkpoint = try checkpoint(atOrBefore: cut.position), checkpoint.position == cut.position else {
            throw try missing("checkpoints", at: cut)
        }
        guard let first = cut.sessionFirst else { return (snapshot.projection, checkpoint, nil) }
        guard case .sessionStarted(let started)? = try keptEvent(at: first)?.fact else {
            throw try missing("meta", at: cut)
        }
        return (snapshot.projection, checkpoint, started)
    }

    /// What it means that a table lacks something at a cut: the cut has moved on, or there is damage.
    func missing(_ table: String, at cut: LogCut) throws(LogError) -> LogError {
        if let now = try self.cut(), now.position > cut.position {
            return .trimmed(position: cut.position.next, first: now.position.next)
        }
        return .derivedDamaged(
            table: table, key: cut.position.rawValue, reason: "it does not have what the log's cut needs")
    }
}
