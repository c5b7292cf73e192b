// Taking away the beginning of a log, in steps. Each step is one transaction that removes a bounded number of events and
// leaves a whole log with a new cut, so that a trim may be interrupted at any moment.

internal import LMDB
internal import NIOCore

/// Trims a log.
///
/// What remains is not changed: positions, chain hashes, digests and the answers to every question about them stay what
/// they were. The digests at the cut are those of the last recorded checkpoint before it, folded on.
///
/// Owner: the thread that writes the log, which may append between steps. After an error it must not be used again.
public struct LogTrim {
    /// What a step removed.
    public struct Step: Equatable, Sendable {
        /// Events.
        public var events = 0
        /// Sessions that are wholly gone.
        public var sessions = 0
        /// Connections whose open and close are both gone.
        public var connections = 0

        /// Nothing.
        public init() {}
    }

    /// The most events in a step, unless told otherwise.
    public static let stepEventsMax = LogReader.chunkEventsMax
    /// The most bytes of records in a step, unless a single record is larger.
    public static let stepBytesMax = 1 << 20

    private let log: EventLog
    private var order: EventOrder
    private var engine: Engine
    private var started: SessionStarted?
    private var sessionFirst: Position?

    /// Prepares the trim of a log.
    public init(_ log: EventLog) throws(LogError) {
        self.log = log
        if let cut = try log.cut() {
            let state = try log.state(at: cut)
            order = EventOrder(behind: cut, live: state.live, events: state.checkpoint.events)
            engine = Engine(before: cut.position)
            started = state.started
            sessionFirst = cut.sessionFirst
            if let started { engine = Engine(resuming: started, at: state.checkpoint, projection: state.live) }
        } else {
            order = EventOrder()
            engine = Engine()
        }
    }

    /// The first position that the log holds after the last step.
    public var first: Position { order.live.position.next }

    /// How many connections are live at the cut: a step rewrites the list of them.
    public var liveCount: Int { order.live.count }

    /// Removes events before `position`, a bounded number.
    ///
    /// The last event of the log always stays.
    ///
    /// - Returns: what was removed; nothing when the log begins at `position` or later.
    /// - Throws: `damaged` where an event that is to be removed is not what was written: nothing is removed then.
    public mutating func step(
        before position: Position, eventsMax: Int = stepEventsMax, bytesMax: Int = stepBytesMax
    ) throws(LogError) -> Step {
        let first = self.first
        let tail = try log.tail().position
        let last = min(position.previous, tail.previous, Position(first.rawValue + UInt64(eventsMax) - 1))
        guard last >= first else { return Step() }
        var reader = try LogReader(log, from: first)
        let events = try reader.read(through: last, bytesMax: bytesMax)
        guard let final = events.last?.position else { return Step() }

        var removal = Removal()
        let recorded = try log.checkpoint(atOrBefore: final)
        try fold(events, recorded, into: &removal)
        removal.cut = order.cut(hash: try log.chainHash(at: final), sessionFirst: sessionFirst)
        removal.snapshot = Snapshot(of: order.live)
        if recorded?.position != final {
            var checkpoint = engine.checkpoint
            if let recorded { checkpoint.observation = recorded.observation }
            removal.checkpoint = checkpoint
        }
        for event in events where isNeeded(event) { removal.kept.append(event) }
        do throws(LMDBError) { try commit(removal) } catch { throw .storage(error) }
        var step = Step()
        step.events = events.count
        step.sessions = removal.sessions.count
        step.connections = removal.connections.count
        return step
    }

    /// Folds what is to be removed. The digests go on from a recorded checkpoint where there is one, as a replay from a
    /// place does; only what follows it is computed.
    private mutating func fold(
        _ events: [Event], _ recorded: Checkpoint?, into removal: inout Removal
    ) throws(LogError) {
        var computed = events[...]
        for (index, event) in events.enumerated() {
            removal.note(event, live: order.live, session: order.session, sessionFirst: sessionFirst)
            if let problem = order.admit(event) { throw .damaged(position: event.position, reason: problem) }
            if case .sessionStarted(let started) = event.fact {
                self.started = started
                sessionFirst = event.position
            }
            if let recorded, let started, recorded.position == event.position {
                engine = Engine(resuming: started, at: recorded, projection: order.live)
                computed = events[(index + 1)...]
            }
        }
        _ = engine.apply(computed)
    }

    /// Whether a removed event is still asked for: as the opening of a live connection, or as the running session's start.
    private func isNeeded(_ event: Event) -> Bool {
        switch event.fact {
        case .connected(let connected): order.live[connected.connection]?.connectedAt == event.position
        case .sessionStarted: order.session != nil && sessionFirst == event.position
        case .message, .sent, .disconnected, .skipped, .sessionEnded: false
        }
    }

    private func commit(_ removal: Removal) throws(LMDBError) {
        guard let cut = removal.cut, let snapshot = removal.snapshot else { return }
        let tables = log.tables
        let transaction = try WriteTransaction(log.environment)
        for position in removal.unneeded { try transaction.remove(MetaKey.kept(position), from: tables.meta) }
        for connection in removal.connections { try transaction.remove(connection.key, from: tables.connections) }
        for session in removal.sessions { try transaction.remove(session.rawValue, from: tables.sessions) }
        let key = cut.position.rawValue
        try transaction.removeAll(through: key, from: tables.events)
        try transaction.removeAll(through: key - 1, from: tables.checkpoints)
        try transaction.removeAll(through: key - 1, from: tables.snapshots)
        try log.put(cut, snapshot, removal.checkpoint, kept: removal.kept, in: transaction)
        try transaction.commit()
    }
}

/// What one step takes away and what it leaves in its place.
private struct Removal {
    var cut: LogCut?
    var snapshot: Snapshot?
    /// The checkpoint at the cut, where none was recorded.
    var checkpoint: Checkpoint?
    /// Events whose records are kept.
    var kept: [Event] = []
    /// Positions whose records need not be kept any more.
    var unneeded: [Position] = []
    /// Connections that closed.
    var connections: [ConnectionID] = []
    /// Sessions that ended.
    var sessions: [SessionID] = []

    /// Looks at an event before it is folded.
    mutating func note(_ event: Event, live: Projection, session: SessionID?, sessionFirst: Position?) {
        switch event.fact {
        case .disconnected(let disconnected):
            connections.append(disconnected.connection)
            if let member = live[disconnected.connection] { unneeded.append(member.connectedAt) }
        case .sessionEnded:
            if let session { sessions.append(session) }
            if let sessionFirst { unneeded.append(sessionFirst) }
        case .sessionStarted, .connected, .message, .sent, .skipped:
            break
        }
    }
}
