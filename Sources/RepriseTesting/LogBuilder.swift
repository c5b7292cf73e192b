// Writes logs as a server does, without a server.

internal import LMDB
public import Reprise

/// A log in a temporary folder, and the engine that a Recorder would have beside it.
public struct LogBuilder: ~Copyable {
    /// The log.
    public var log: EventLog { writer.log }
    /// The engine after the last batch.
    public private(set) var engine = Engine()
    private var writer: LogWriter
    private var cadence = CheckpointCadence()

    /// Bytes reserved for a test's map.
    public static let mapBytes = 256 << 20

    /// Makes a log in the folder at `path`, or takes up the one that is there.
    public init(_ path: String, id: LogID = LogID(rawValue: 0x1234_5678_9ABC_DEF0)) throws {
        let log = try EventLog(
            path: path, access: .write(mapBytes: LogBuilder.mapBytes, synchronization: .onRequest), newID: id)
        writer = try LogWriter(log)
    }

    /// Commits a batch, applies it, and commits the checkpoint and the snapshot that are due after it.
    public mutating func write(_ events: [Event]) throws {
        try writer.commit(events)
        _ = engine.apply(events)
        var endsSession = false
        if case .sessionEnded? = events.last?.fact { endsSession = true }
        let due = cadence.note(events: events.count, endsSession: endsSession)
        var addenda = LogAddenda()
        if due.checkpoint { addenda.checkpoints = [engine.checkpoint] }
        if due.snapshot { addenda.snapshot = Snapshot(of: engine.projection) }
        if !addenda.isEmpty { try writer.commit([], addenda: addenda) }
    }

    /// Commits a batch and nothing else: neither engine nor checkpoints take notice of it.
    public mutating func writeOnly(_ events: [Event]) throws { try writer.commit(events) }

    /// Commits a snapshot of the present state.
    public mutating func writeSnapshot() throws {
        var addenda = LogAddenda()
        addenda.snapshot = Snapshot(of: engine.projection)
        try writer.commit([], addenda: addenda)
    }

    /// Commits a checkpoint of the present state.
    public mutating func writeCheckpoint(_ observation: Checkpoint.Observation? = nil) throws {
        var addenda = LogAddenda()
        var checkpoint = engine.checkpoint
        checkpoint.observation = observation ?? Checkpoint.Observation(performedThrough: checkpoint.position)
        addenda.checkpoints = [checkpoint]
        try writer.commit([], addenda: addenda)
    }
}
