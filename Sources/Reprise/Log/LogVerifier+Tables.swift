// The derived tables that are looked up by key: the catalogue, and where connections open and close.

internal import LMDB

/// What the `connections` table must say of one connection.
struct ExpectedSpan {
    /// The event that it is compared at: damage is reported with its position.
    var position: Position
    var connection: ConnectionID
    var opened: Position
    /// The close, where it is known.
    var closed: Position?
    /// Whether the event is the open.
    var isOpen: Bool

    /// What an event says, if it opens or closes.
    init?(_ event: Event, live: Projection) {
        position = event.position
        switch event.fact {
        case .connected(let connected):
            connection = connected.connection
            opened = event.position
            isOpen = true
        case .disconnected(let disconnected):
            guard let member = live[disconnected.connection] else { return nil }
            connection = disconnected.connection
            opened = member.connectedAt
            closed = event.position
            isOpen = false
        case .sessionStarted, .message, .sent, .skipped, .sessionEnded:
            return nil
        }
    }

    /// What the cut says of a connection that is live there.
    init(openAtCut member: Projection.Member) {
        position = member.connectedAt
        connection = member.connection
        opened = member.connectedAt
        isOpen = true
    }

    /// What the end of the log says of a connection without a close.
    init(stillOpen member: Projection.Member) {
        position = member.connectedAt
        connection = member.connection
        opened = member.connectedAt
        isOpen = false
    }
}

extension LogVerifier {
    /// Compares entries of the `connections` table, a bounded number in each read transaction.
    mutating func verify(_ expected: [ExpectedSpan]) throws(LogError) {
        var rest = expected[...]
        while !rest.isEmpty {
            let part = rest.prefix(LogReader.chunkEventsMax)
            rest = rest.dropFirst(part.count)
            let found: [ConnectionSpan?] = try log.read { transaction in
                var found: [ConnectionSpan?] = []
                for span in part {
                    let bytes = try transaction.value(for: span.connection.key, in: log.tables.connections)
                    found.append(bytes.flatMap(ConnectionSpan.init(decoding:)))
                }
                return found
            }
            for (span, entry) in zip(part, found) { try compare(span, entry) }
        }
    }

    private mutating func compare(_ expected: ExpectedSpan, _ entry: ConnectionSpan?) throws(LogError) {
        if expected.isOpen { report.connections += 1 }
        let name = "connection \(expected.connection)"
        guard let entry else {
            // A trim takes the entry away together with the close, which may lie behind what was read so far.
            if let now = try log.cut(), expected.opened <= now.position, now != cut { return }
            note("connections", expected.position.rawValue, "it does not know \(name)")
            return
        }
        guard entry.opened == expected.opened else {
            if expected.isOpen, entry.opened > expected.position, entry.opened <= end, reopened == nil {
                reopened = (expected.connection, expected.position, entry.opened)
            }
            note(
                "connections", expected.position.rawValue,
                "it says that \(name) opened at \(entry.opened), the events say \(expected.opened)")
            return
        }
        // The table may know a close that the walk has not come to, or that was appended after it began.
        let isRight =
            if let closed = expected.closed {
                entry.closed == closed
            } else {
                entry.closed.map { $0 > (expected.isOpen ? expected.position : end) } ?? true
            }
        if !isRight {
            note(
                "connections", expected.position.rawValue,
                "it says that \(name) closed at \(entry.closed?.description ?? "no position"), the events say "
                    + (expected.closed?.description ?? "that it did not"))
        }
    }

    /// Compares the catalogue with an event that starts or ends a session.
    ///
    /// - Parameter running: the session that ran before the event.
    mutating func verifySession(_ event: Event, running: SessionID?) {
        switch event.fact {
        case .sessionStarted(let started):
            report.sessions += 1
            let entry = sessions[started.session]
            if entry?.first != event.position || entry?.startedAt != event.time {
                note("sessions", started.session.rawValue, "it is not what the event at \(event.position) gives")
            }
        case .sessionEnded(let cause):
            guard let running else { return }
            let entry = sessions[running]
            if entry?.last != event.position || entry?.endedAt != event.time || entry?.cause != cause {
                note("sessions", running.rawValue, "it is not what the event at \(event.position) gives")
            }
        case .connected, .message, .sent, .disconnected, .skipped:
            break
        }
    }

    /// The highest position that a table names. A log that ends before it has lost its tail.
    ///
    /// - Parameter damage: gets the first damaged entry; it can promise nothing.
    static func promise(of log: EventLog, _ damage: inout LogError?) throws(LogError) -> Promise? {
        var promises: [Promise] = []
        promises += try sound(&damage) { () throws(LogError) in
            try log.checkpoint(atOrBefore: Position(.max)).map {
                [Promise(position: $0.position, source: "there is a checkpoint at")]
            } ?? []
        }
        promises += try sound(&damage) { () throws(LogError) in
            try log.snapshot(atOrBefore: Position(.max)).map {
                [Promise(position: $0.position, source: "there is a snapshot at")]
            } ?? []
        }
        promises += try sound(&damage) { () throws(LogError) in
            try log.sessions().suffix(1).map {
                Promise(position: $0.last ?? $0.first, source: "the catalogue has session \($0.id) up to")
            }
        }
        return promises.max { $0.position < $1.position }
    }

    /// Entries of a derived table, or none where one of them is damaged: the first such damage is remembered.
    static func sound<Value>(
        _ damage: inout LogError?, _ read: () throws(LogError) -> [Value]
    ) throws(LogError) -> [Value] {
        do throws(LogError) {
            return try read()
        } catch {
            guard case .derivedDamaged = error else { throw error }
            damage = damage ?? error
            return []
        }
    }
}

extension EventLog {
    /// The last position and how many connections the log knows, both at one moment.
    func endAndConnectionCount() throws(LogError) -> (Position, Int) {
        try read { transaction in
            let count = try transaction.count(self.tables.connections)
            let end = try transaction.withCursor(self.tables.events) { cursor in
                try cursor.last() ? Position(cursor.key) : .zero
            }
            return (end, count)
        }
    }
}

extension LogError {
    /// Gives damage that LMDB found a position: that of the next record to read.
    func placed(at position: Position) -> LogError {
        if case .storage(let error) = self, isDamage {
            return .damaged(position: position, reason: error.description)
        }
        return self
    }
}
