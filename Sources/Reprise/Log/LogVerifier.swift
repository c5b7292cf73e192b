// Walks a whole log once and compares everything with everything else that should agree. What it does not do: decide
// routes or derive deliveries. Those are replay's, and a digest that differs is a divergence, not damage.

internal import LMDB

/// Verifies a log, also beside a server that appends to it.
///
/// The events are checked first and count most: chain hashes, gapless positions, known kinds, and an order in which
/// they can have happened (`EventOrder`). Then what is derived from them: the catalogue, the `connections` table, every
/// checkpoint but for its digest of deliveries, every snapshot. Derived damage is reported only where the events are
/// sound, since it can be repaired from them (`log export`, `log import`).
///
/// The end of the log is taken once, at the start; what a server appends during the walk is not looked at.
///
/// Owner: one thread. Memory: one chunk and the live connection set.
public struct LogVerifier {
    let log: EventLog
    /// Where the log was cut when the walk began.
    let cut: LogCut?
    /// The last position to look at.
    let end: Position
    /// Entries of the `connections` table when `end` was the end.
    private let connectionCount: Int
    /// The position that something other than the events says was written.
    private let promised: Promise?
    private var reader: LogReader
    private var order: EventOrder
    var report = VerifyReport()
    /// The first thing derived that does not fit the events.
    var derivedDamage: LogError?
    /// A connection whose table entry names a later open: the id may have been used twice.
    var reopened: (connection: ConnectionID, first: Position, again: Position)?
    var sessions: [SessionID: Session] = [:]

    /// A position that the log must reach.
    struct Promise {
        var position: Position
        var source: String
    }

    /// Prepares the verification of the log as it is now.
    ///
    /// - Throws: `damaged` where not even the ends of the log can be read.
    public init(_ log: EventLog) throws(LogError) {
        do throws(LogError) {
            for _ in 1..<LogVerifier.attemptsMax {
                do throws(LogError) {
                    self = try LogVerifier(preparing: log)
                    return
                } catch {
                    guard case .trimmed = error else { throw error }
                }
            }
            self = try LogVerifier(preparing: log)
        } catch {
            throw error.placed(at: .zero.next)
        }
    }

    /// How often the verification is begun when a server trims the log meanwhile.
    private static let attemptsMax = 16

    /// - Throws: `trimmed` where the log was trimmed while its tables were read: they would not fit together.
    private init(preparing log: EventLog) throws(LogError) {
        var damage: LogError?
        let cut = try log.cut()
        let first = (cut?.position ?? .zero).next
        order = EventOrder()
        if let cut {
            let state = try log.state(at: cut)
            order = EventOrder(behind: cut, live: state.live, events: state.checkpoint.events)
        }
        // The promises first, the end second: a server that appends in between only moves the end further away.
        promised = try LogVerifier.promise(of: log, &damage)
        (end, connectionCount) = try log.endAndConnectionCount()
        let catalogue = try LogVerifier.sound(&damage) { () throws(LogError) in try log.sessions() }
        _ = try LogVerifier.sound(&damage) { () throws(LogError) in
            try log.runState().map { [$0] } ?? []
        }
        reader = try LogReader(log, from: first)
        for session in catalogue where session.first <= end { sessions[session.id] = session }
        if let now = try log.cut(), now.position >= first {
            throw .trimmed(position: first, first: now.position.next)
        }
        self.log = log
        self.cut = cut
        derivedDamage = damage
    }

    /// Walks the log; from the start again when a server trims what comes next.
    ///
    /// - Parameter progress: is told the last verified position after each chunk.
    /// - Throws: the first damage: `damaged` with a position, else `derivedDamaged`.
    public mutating func run(progress: (Position) -> Void = { _ in }) throws(LogError) -> VerifyReport {
        for _ in 1..<LogVerifier.attemptsMax {
            do throws(LogError) {
                return try walk(progress)
            } catch {
                guard case .trimmed = error else { throw error }
                self = try LogVerifier(log)
            }
        }
        return try walk(progress)
    }

    /// - Throws: `trimmed` where a trim has overtaken the walk.
    private mutating func walk(_ progress: (Position) -> Void) throws(LogError) -> VerifyReport {
        do throws(LogError) {
            try verifyCut()
            while reader.next <= end {
                let events = try reader.read(through: end)
                guard let last = events.last else { break }
                if report.first == nil { report.first = events[0].position }
                try verify(events)
                report.last = last.position
                progress(last.position)
            }
            if let promised, promised.position >= reader.next {
                throw .damaged(
                    position: reader.next, reason: "the record is missing: \(promised.source) \(promised.position)")
            }
            try verifyEnd()
        } catch {
            throw error.placed(at: reader.next)
        }
        if let reopened, try isOpen(reopened.connection, at: reopened.again) {
            throw .damaged(
                position: reopened.again,
                reason: "connection \(reopened.connection) is opened, but it was opened before, at \(reopened.first)")
        }
        if let derivedDamage { throw derivedDamage }
        return report
    }

    private mutating func verify(_ events: [Event]) throws(LogError) {
        let log = self.log
        let first = events[0].position
        let last = events[events.count - 1].position
        var checkpoints = try LogVerifier.sound(&derivedDamage) { () throws(LogError) in
            try log.checkpoints(from: first, through: last)
        }[...]
        var snapshots = try LogVerifier.sound(&derivedDamage) { () throws(LogError) in
            try log.snapshots(from: first, through: last)
        }[...]
        var spans: [ExpectedSpan] = []
        for event in events {
            // What a close must be compared with is in the projection only until the close is folded in.
            if let span = ExpectedSpan(event, live: order.live) { spans.append(span) }
            let running = order.session
            if let problem = order.admit(event) { throw .damaged(position: event.position, reason: problem) }
            report.events += 1
            verifySession(event, running: running)
            while let checkpoint = checkpoints.first, checkpoint.position == event.position {
                verify(checkpoint)
                checkpoints.removeFirst()
            }
            while let snapshot = snapshots.first, snapshot.position == event.position {
                verify(snapshot)
                snapshots.removeFirst()
            }
        }
        try verify(spans)
    }

    private mutating func verify(_ checkpoint: Checkpoint) {
        report.checkpoints += 1
        if checkpoint.memberSet != order.live.memberSet || checkpoint.liveCount != UInt64(order.live.count)
            || checkpoint.events != order.eventsInSession
        {
            note(
                "checkpoints", checkpoint.position.rawValue,
                "it says M \(HexDigest(rawValue: checkpoint.memberSet)) live \(checkpoint.liveCount) events "
                    + "\(checkpoint.events), the events give M \(HexDigest(rawValue: order.live.memberSet)) live "
                    + "\(order.live.count) events \(order.eventsInSession)")
        }
    }

    private mutating func verify(_ snapshot: Snapshot) {
        report.snapshots += 1
        if snapshot != Snapshot(of: order.live) {
            note(
                "snapshots", snapshot.position.rawValue,
                "its \(snapshot.entries.count) connections are not the \(order.live.count) that the events give")
        }
    }

    /// What the log begins with, where it was trimmed.
    private mutating func verifyCut() throws(LogError) {
        guard let cut else { return }
        let state = try log.state(at: cut)
        verify(state.checkpoint)
        report.snapshots += 1  // the walk's own live set comes from it
        try verify(state.live.inOrder.map { ExpectedSpan(openAtCut: $0) })
        for member in state.live.inOrder {
            let kept = try LogVerifier.sound(&derivedDamage) { () throws(LogError) in
                try log.keptEvent(at: member.connectedAt).map { [$0] } ?? []
            }.first
            if case .connected(let connected)? = kept?.fact, connected.connection == member.connection { continue }
            if try log.cut() != cut { continue }
            note("meta", member.connectedAt.rawValue, "it does not keep the open of connection \(member.connection)")
        }
        guard let first = cut.sessionFirst else { return }
        report.sessions += 1
        if sessions[cut.latestSession]?.first != first {
            note("sessions", cut.latestSession.rawValue, "it is not what the log's cut gives")
        }
    }

    /// What is only known after the last event.
    private mutating func verifyEnd() throws(LogError) {
        report.openConnections = order.live.count
        try verify(order.live.inOrder.map { ExpectedSpan(stillOpen: $0) })
        if connectionCount != report.connections {
            note(
                "connections", end.rawValue,
                "it has \(connectionCount) entries, the events open \(report.connections) connections")
        }
        if sessions.count != report.sessions {
            note(
                "sessions", sessions.keys.max()?.rawValue ?? 0,
                "it has \(sessions.count) entries, the events start \(report.sessions) sessions")
        }
        if let running = order.session, let entry = sessions[running], let last = entry.last, last <= end {
            note("sessions", running.rawValue, "it says that the session ended at \(last), the events say that it runs")
        }
    }

    /// Remembers damage to something derived, if it is the first.
    mutating func note(_ table: String, _ key: UInt64, _ reason: String) {
        if derivedDamage == nil { derivedDamage = .derivedDamaged(table: table, key: key, reason: reason) }
    }

    private func isOpen(_ connection: ConnectionID, at position: Position) throws(LogError) -> Bool {
        var reader = try LogReader(log, from: position)
        guard case .connected(let connected)? = try reader.read(through: position).first?.fact else { return false }
        return connected.connection == connection
    }
}
