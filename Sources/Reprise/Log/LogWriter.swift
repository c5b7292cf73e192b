// The single writer: a batch of events, and what was derived from earlier ones, in one transaction.

public import LMDB
internal import NIOCore

/// Where a log ends.
public struct LogTail: Equatable, Sendable {
    /// The last position, 0 in an empty log.
    public var position: Position
    /// The chain hash of the last record, or the first seed.
    public var hash: UInt64
    /// The time of the last event.
    public var time: Timestamp
}

/// What a transaction stores beside its events. All of it can be rebuilt from the events.
public struct LogAddenda: Sendable {
    /// Checkpoints of earlier batches.
    public var checkpoints: [Checkpoint] = []
    /// A snapshot of an earlier batch.
    public var snapshot: Snapshot?
    /// A new run state.
    public var run: RunState?

    /// Nothing.
    public init() {}

    /// Whether there is nothing to store.
    public var isEmpty: Bool { checkpoints.isEmpty && snapshot == nil && run == nil }
}

/// Appends to a log.
///
/// Owner: one thread, the Recorder's. Not `Sendable` on purpose.
public struct LogWriter: ~Copyable {
    /// The log.
    public let log: EventLog
    /// Where it ends.
    public private(set) var tail: LogTail
    private var session: Session?

    /// Takes up writing at the log's end.
    public init(_ log: EventLog) throws(LogError) {
        let tail = try log.tail()
        let session = try log.sessions().last
        self.log = log
        self.tail = tail
        self.session = session
    }

    /// Writes `events`, which follow the tail without a gap, and `addenda`, in one transaction.
    ///
    /// When it returns, the events are committed: on disk if the environment syncs every commit, else in the page
    /// cache. When it throws, nothing was changed and the tail is what it was.
    public mutating func commit(_ events: [Event], addenda: LogAddenda = LogAddenda()) throws(LMDBError) {
        var newTail = tail
        var newSession = session
        let transaction = try WriteTransaction(log.environment)
        try transaction.withAppender(to: log.tables.events) { appender throws(LMDBError) in
            for event in events {
                try append(event, to: &newTail, with: appender)
                try index(event, in: transaction, session: &newSession)
            }
        }
        try store(addenda, in: transaction)
        try transaction.commit()
        tail = newTail
        session = newSession
    }

    /// Encodes one event into its place in the table.
    private func append(_ event: Event, to tail: inout LogTail, with appender: borrowing Appender) throws(LMDBError) {
        precondition(event.position == tail.position.next, "\(event.position) follows \(tail.position)")
        var hash: UInt64 = 0
        try appender.append(event.position.rawValue, byteCount: RecordSize.record(of: event.fact)) { record in
            hash = EventCodec.encode(event, previousHash: tail.hash, into: &record)
        }
        tail = LogTail(position: event.position, hash: hash, time: event.time)
    }

    /// Keeps the derived tables in step with one event.
    private func index(
        _ event: Event, in transaction: borrowing WriteTransaction, session: inout Session?
    ) throws(LMDBError) {
        switch event.fact {
        case .connected(let connected):
            let span = ConnectionSpan(opened: event.position, closed: nil)
            try transaction.put(span.encoded(), for: connected.connection.key, in: log.tables.connections)
        case .disconnected(let disconnected):
            let key = disconnected.connection.key
            let stored = try transaction.value(for: key, in: log.tables.connections)
            // An entry that is missing is damage, which `log verify` finds. One that says 0 would look like a fact.
            guard var span = stored.flatMap(ConnectionSpan.init(decoding:)) else { return }
            span.closed = event.position
            try transaction.put(span.encoded(), for: key, in: log.tables.connections)
        case .sessionStarted(let started):
            session = Session(id: started.session, first: event.position, startedAt: event.time)
            if let session { try log.put(session, in: transaction) }
        case .sessionEnded(let cause):
            session?.last = event.position
            session?.endedAt = event.time
            session?.cause = cause
            if let session { try log.put(session, in: transaction) }
        case .message, .sent, .skipped:
            break
        }
    }

    private func store(_ addenda: LogAddenda, in transaction: borrowing WriteTransaction) throws(LMDBError) {
        for checkpoint in addenda.checkpoints { try log.put(checkpoint, in: transaction) }
        if let snapshot = addenda.snapshot { try log.put(snapshot, in: transaction) }
        if let run = addenda.run {
            try transaction.put(DerivedValue.seal(run.encoded(), key: 0), for: MetaKey.run, in: log.tables.meta)
        }
    }
}
