// What may follow what. Single records are checked by the codec; this checks that they make sense one after another.
// The verifier and the import both use it, so that what one accepts the other does.

/// Folds a log and says of each event whether it is possible where it stands.
///
/// An id that is opened again after its close is not seen here: that would take a set of every id that ever was. The
/// `connections` table is such a set, and who holds a log looks there.
struct EventOrder: Equatable, Sendable {
    /// The live connection set after the last event.
    private(set) var live = Projection()
    /// The session that runs.
    private(set) var session: SessionID?
    /// Events since `sessionStarted`.
    private(set) var eventsInSession: UInt64 = 0
    /// Of the live connections that skipped something, the last position of it.
    private var skippedThrough: [ConnectionID: Position] = [:]
    private var latestSession = SessionID(0)
    private var time = Timestamp(rawValue: .min)

    /// Before the first event of a log that begins at position 1.
    init() {}

    /// Behind a cut.
    ///
    /// - Parameters:
    ///   - live: the live connection set there.
    ///   - events: events of the session that runs there.
    init(behind cut: LogCut, live: Projection, events: UInt64) {
        self.live = live
        session = cut.sessionFirst == nil ? nil : cut.latestSession
        eventsInSession = events
        for skip in cut.skips { skippedThrough[skip.connection] = skip.through }
        latestSession = cut.latestSession
        time = cut.time
    }

    /// What a cut behind the last event must hold.
    ///
    /// - Parameters:
    ///   - hash: the chain hash of the last event.
    ///   - sessionFirst: the position of the running session's `sessionStarted`.
    func cut(hash: UInt64, sessionFirst: Position?) -> LogCut {
        let skips = skippedThrough.map { LogCut.Skip(connection: $0.key, through: $0.value) }
        return LogCut(
            position: live.position, hash: hash, time: time, latestSession: latestSession,
            sessionFirst: session == nil ? nil : sessionFirst,
            skips: skips.sorted { $0.connection < $1.connection })
    }

    /// Folds one event in.
    ///
    /// - Returns: what is wrong with it, as the second half of a sentence; nothing is folded then.
    mutating func admit(_ event: Event) -> String? {
        guard event.position == live.position.next else {
            return "the position is \(event.position), \(live.position.next) is next"
        }
        guard event.time >= time else {
            return "its time, \(event.time.iso8601()), is before that of the event before, \(time.iso8601())"
        }
        if let problem = problem(with: event) { return problem }
        switch event.fact {
        case .sessionStarted(let started):
            session = started.session
            latestSession = started.session
            eventsInSession = 0
        case .sessionEnded:
            session = nil
        case .disconnected(let disconnected):
            skippedThrough[disconnected.connection] = nil
        case .skipped(let skipped):
            skippedThrough[skipped.connection] = skipped.last
        case .connected, .message, .sent:
            break
        }
        eventsInSession += 1
        time = event.time
        Projector.fold(event, into: &live)
        return nil
    }

    private func problem(with event: Event) -> String? {
        if case .sessionStarted(let started) = event.fact {
            if let session { return "session \(started.session) starts, but session \(session) has not ended" }
            guard started.session.rawValue == latestSession.rawValue + 1 else {
                return "session \(started.session) starts, but session \(latestSession.rawValue + 1) is next"
            }
            return nil
        }
        guard let session else { return "\(event.fact.word) is outside of any session" }
        switch event.fact {
        case .connected(let connected):
            return live[connected.connection].map {
                "connection \(connected.connection) is opened, but it is open since position \($0.connectedAt)"
            }
        case .disconnected(let disconnected):
            return live[disconnected.connection] == nil
                ? "connection \(disconnected.connection) is closed, but it is not open" : nil
        case .skipped(let skipped):
            return problem(with: skipped, at: event.position)
        case .sessionEnded:
            guard let open = live.inOrder.first else { return nil }
            return "session \(session) ends, but \(live.count) of its connections have no close, "
                + "the first is \(open.connection) from position \(open.connectedAt)"
        case .sessionStarted, .message, .sent:
            return nil
        }
    }

    /// A range is not empty, lies between the connection's open and the event, and behind its range before.
    private func problem(with skipped: Skipped, at position: Position) -> String? {
        let range = "positions \(skipped.first) to \(skipped.last)"
        guard let member = live[skipped.connection] else {
            return "connection \(skipped.connection) skips \(range), but it is not open"
        }
        guard skipped.first <= skipped.last, skipped.last < position else { return "it skips the \(range)" }
        guard skipped.first > member.connectedAt else {
            return
                "connection \(skipped.connection) skips \(range), but it is open since position \(member.connectedAt)"
        }
        if let last = skippedThrough[skipped.connection], skipped.first <= last {
            return "connection \(skipped.connection) skips \(range), but it has skipped through \(last) already"
        }
        return nil
    }
}
