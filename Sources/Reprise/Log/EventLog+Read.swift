// Single look-ups. Each opens a short read transaction of its own.

internal import LMDB
internal import NIOCore

extension EventLog {
    /// Where the log ends now.
    public func tail() throws(LogError) -> LogTail {
        try read { transaction in
            try transaction.withCursor(self.tables.events) { cursor in
                guard try cursor.last() else {
                    if let cut = try self.cut(in: transaction) {
                        return LogTail(position: cut.position, hash: cut.hash, time: cut.time)
                    }
                    return LogTail(
                        position: .zero, hash: EventCodec.firstSeed(log: self.id, after: .zero),
                        time: Timestamp(rawValue: 0))
                }
                let position = Position(cursor.key)
                guard let ends = cursor.withValue(RecordEnds.init) else {
                    throw LogError.damaged(position: position, reason: RecordDamage.truncated("head").description)
                }
                return LogTail(position: position, hash: ends.hash, time: ends.time)
            }
        }
    }

    /// The first position that the log holds, or `nil` when it is empty.
    public func firstPosition() throws(LogError) -> Position? {
        try read { transaction in
            try transaction.withCursor(self.tables.events) { cursor in
                try cursor.first() ? Position(cursor.key) : nil
            }
        }
    }

    /// The first position whose time is at or after `time`, or the position after the last. Complexity: O(log² n).
    public func firstPosition(atOrAfter time: Timestamp) throws(LogError) -> Position {
        try read { transaction in
            try transaction.withCursor(self.tables.events) { cursor in
                guard try cursor.first() else { return Position.zero.next }
                var low = cursor.key
                guard try cursor.last() else { return Position.zero.next }
                var high = cursor.key + 1
                while low < high {
                    let middle = low + (high - low) / 2
                    guard try cursor.seek(middle), let ends = cursor.withValue(RecordEnds.init) else {
                        throw LogError.damaged(position: Position(middle), reason: "the record cannot be read")
                    }
                    if ends.time < time { low = middle + 1 } else { high = middle }
                }
                return Position(low)
            }
        }
    }

    /// The catalogue, in order.
    public func sessions() throws(LogError) -> [Session] {
        try entries(of: tables.sessions, "sessions", from: 0, through: .max) { id, fields throws(RecordDamage) in
            try Session(decoding: &fields, id: SessionID(id))
        }
    }

    /// The checkpoints at positions `first` to `last`, in order.
    public func checkpoints(from first: Position, through last: Position) throws(LogError) -> [Checkpoint] {
        try entries(of: tables.checkpoints, "checkpoints", from: first.rawValue, through: last.rawValue) {
            position, fields throws(RecordDamage) in
            try Checkpoint(decoding: &fields, at: Position(position))
        }
    }

    /// The last checkpoint at or before `position`.
    public func checkpoint(atOrBefore position: Position) throws(LogError) -> Checkpoint? {
        try entry(of: tables.checkpoints, "checkpoints", atOrBefore: position.rawValue) {
            position, fields throws(RecordDamage) in
            try Checkpoint(decoding: &fields, at: Position(position))
        }
    }

    /// The last snapshot at or before `position`.
    public func snapshot(atOrBefore position: Position) throws(LogError) -> Snapshot? {
        try entry(of: tables.snapshots, "snapshots", atOrBefore: position.rawValue) {
            position, fields throws(RecordDamage) in
            try Snapshot(decoding: &fields, at: Position(position))
        }
    }

    /// The snapshots at positions `first` to `last`, in order.
    public func snapshots(from first: Position, through last: Position) throws(LogError) -> [Snapshot] {
        try entries(of: tables.snapshots, "snapshots", from: first.rawValue, through: last.rawValue) {
            position, fields throws(RecordDamage) in
            try Snapshot(decoding: &fields, at: Position(position))
        }
    }

    /// Where a connection stands in the log, or `nil` when the log does not know it.
    public func span(of connection: ConnectionID) throws(LogError) -> ConnectionSpan? {
        try read { transaction in
            try transaction.value(for: connection.key, in: self.tables.connections)
                .flatMap(ConnectionSpan.init(decoding:))
        }
    }

    /// How the last run ended, or `nil` when no server has run on this log.
    public func runState() throws(LogError) -> RunState? {
        try read { transaction in
            try transaction.value(for: MetaKey.run, in: self.tables.meta)
        }.map { (bytes: [UInt8]) throws(LogError) in
            try DerivedValue.open(bytes, table: "meta", key: 0) { fields throws(RecordDamage) in
                try RunState(decoding: &fields)
            }
        }
    }

    /// Bytes of the pages that hold something. A trim makes them fewer, but not the file smaller: the pages that it frees
    /// are used again.
    public func contentBytes() throws(LogError) -> Int {
        let tables = tables
        let pages = try read { transaction in
            try transaction.pageCount(tables.events) + transaction.pageCount(tables.sessions)
                + transaction.pageCount(tables.connections) + transaction.pageCount(tables.checkpoints)
                + transaction.pageCount(tables.snapshots) + transaction.pageCount(tables.meta)
        }
        return pages * environment.pageBytes
    }

    /// The chain hash of the record at `position`, the cut's, or the first seed for the position before the first.
    ///
    /// - Throws: `trimmed` for a position before the cut.
    func chainHash(at position: Position) throws(LogError) -> UInt64 {
        try read { transaction in
            try transaction.withCursor(self.tables.events) { cursor in
                if try cursor.seek(position.rawValue), cursor.key == position.rawValue {
                    guard let ends = cursor.withValue(RecordEnds.init) else {
                        throw LogError.damaged(
                            position: position, reason: RecordDamage.truncated("head").description)
                    }
                    return ends.hash
                }
                if let cut = try self.cut(in: transaction), position <= cut.position {
                    if position == cut.position { return cut.hash }
                    throw LogError.trimmed(position: position.next, first: cut.position.next)
                }
                if position == .zero { return EventCodec.firstSeed(log: self.id, after: .zero) }
                throw LogError.damaged(position: position, reason: "the record is missing")
            }
        }
    }

    /// Runs `body` in a read transaction and gives its errors one type.
    func read<Result>(_ body: (borrowing ReadTransaction) throws -> Result) throws(LogError) -> Result {
        do {
            return try body(try ReadTransaction(environment))
        } catch let error as LMDBError {
            throw .storage(error)
        } catch let error as LogError {
            throw error
        } catch {
            preconditionFailure("reading a log threw \(error)")
        }
    }

    private func entries<Value>(
        of table: OrdinalTable, _ name: String, from first: UInt64, through last: UInt64,
        _ decode: (UInt64, inout RecordFields) throws(RecordDamage) -> Value
    ) throws(LogError) -> [Value] {
        var sealed: [(key: UInt64, bytes: [UInt8])] = []
        try read { transaction in
            try transaction.withCursor(table) { cursor in
                var found = try cursor.seek(first)
                while found, cursor.key <= last {
                    sealed.append((cursor.key, cursor.withValue(Array.init(copying:))))
                    found = try cursor.next()
                }
            }
        }
        var values: [Value] = []
        for (key, bytes) in sealed {
            values.append(
                try DerivedValue.open(bytes, table: name, key: key) { fields throws(RecordDamage) in
                    try decode(key, &fields)
                })
        }
        return values
    }

    private func entry<Value>(
        of table: OrdinalTable, _ name: String, atOrBefore key: UInt64,
        _ decode: (UInt64, inout RecordFields) throws(RecordDamage) -> Value
    ) throws(LogError) -> Value? {
        let sealed: (key: UInt64, bytes: [UInt8])? = try read { transaction in
            try transaction.withCursor(table) { cursor in
                try cursor.seekBackward(key) ? (cursor.key, cursor.withValue(Array.init(copying:))) : nil
            }
        }
        guard let sealed else { return nil }
        return try DerivedValue.open(sealed.bytes, table: name, key: sealed.key) { fields throws(RecordDamage) in
            try decode(sealed.key, &fields)
        }
    }
}

/// The two fields of a record that can be read without decoding it.
private struct RecordEnds {
    var time: Timestamp
    var hash: UInt64

    init?(_ record: RawSpan) {
        let count = record.byteCount
        guard count >= EventCodec.headByteCount + EventCodec.chainByteCount else { return nil }
        time = Timestamp(rawValue: Int64(bitPattern: record.recordWord(at: 2)))
        hash = record.recordWord(at: count - EventCodec.chainByteCount)
    }
}

extension [UInt8] {
    init(copying bytes: RawSpan) {
        self = unsafe bytes.withUnsafeBytes { unsafe Array($0) }
    }
}
