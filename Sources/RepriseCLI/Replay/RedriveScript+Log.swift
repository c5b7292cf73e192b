internal import NIOCore
internal import Reprise
internal import RepriseLoad

extension RedriveScript {
    /// Reads what the clients and back ends of a session did, and what every client must receive of it.
    ///
    /// Connections that the recording does not end are ended behind its last event.
    init(_ session: Session, of log: EventLog) throws {
        self.init()
        let first = max(session.first, try log.firstPosition() ?? session.first)
        var reading = Reading(configuration: try log.start(of: session).configuration)
        if first > session.first { try reading.openEarlier(before: first, in: log, &self) }
        var last = first
        try log.walk(from: first, through: session.last) { event in
            if case .sessionStarted(let started) = event.fact, started.session != session.id { return false }
            last = event.position
            reading.add(event, to: &self)
            return true
        } onDamage: {
        }
        reading.endOpen(at: last, &self)
    }

    /// Follows the live connection set while a session is read.
    private struct Reading {
        let configuration: EngineConfiguration
        private var live: [ConnectionID: Int] = [:]
        private var start: Timestamp?
        private var time = 0

        init(configuration: EngineConfiguration) { self.configuration = configuration }

        /// Opens those who were live where the log begins, if the session began before.
        mutating func openEarlier(before first: Position, in log: EventLog, _ script: inout RedriveScript) throws {
            guard let snapshot = try log.snapshot(atOrBefore: first.previous), snapshot.position == first.previous
            else {
                throw CommandEnd(
                    status: .couldNotRun,
                    message: "the session begins before the log does, and the log has no snapshot of position "
                        + "\(first.previous): choose a later session")
            }
            for entry in snapshot.entries {
                let query = try log.opening(of: entry.connection)?.connected.query ?? ""
                live[entry.connection] = script.open(
                    entry.connection.text, at: entry.connectedAt.rawValue, time: 0, query: query)
            }
        }

        mutating func add(_ event: Event, to script: inout RedriveScript) {
            let position = event.position.rawValue
            if start == nil { start = event.time }
            time = Int(event.time.rawValue - (start ?? event.time).rawValue)
            switch event.fact {
            case .connected(let connected):
                live[connected.connection] = script.open(
                    connected.connection.text, at: position, time: time, query: connected.query,
                    subprotocol: connected.subprotocol)
            case .message(let message):
                guard let sender = live[message.connection] else {
                    return script.omit(at: position, "is a message of a connection that is not open")
                }
                script.send(
                    Array(message.body.readableBytesView), isText: message.opcode == .text, on: sender, at: position,
                    time: time, delivery: expect(event, &script))
            case .sent(let sent):
                add(sent, event, &script)
            case .disconnected(let disconnected):
                guard let connection = live.removeValue(forKey: disconnected.connection) else { return }
                script.end(connection, Ending(of: disconnected), at: position, time: time)
            case .sessionStarted, .skipped, .sessionEnded:
                return
            }
        }

        /// The management API delivers text to connections that are open; a recording from elsewhere may hold more.
        private mutating func add(_ sent: Sent, _ event: Event, _ script: inout RedriveScript) {
            let position = event.position.rawValue
            var target: Int?
            if case .connection(let connection) = sent.target {
                guard let ordinal = live[connection] else {
                    return script.omit(at: position, "is sent to a connection that is not open")
                }
                target = ordinal
            }
            guard sent.opcode == .text else {
                return script.omit(at: position, "is binary, and the management API sends text")
            }
            script.post(
                Array(sent.body.readableBytesView), to: target, at: position, time: time,
                delivery: expect(event, &script))
        }

        /// Adds what an event orders, if it orders something for someone.
        private func expect(_ event: Event, _ script: inout RedriveScript) -> Int? {
            guard let delivery = Reprise.Delivery(of: event, under: configuration) else { return nil }
            let audience: Audience
            switch delivery.target {
            case .everyone: audience = .everyone
            case .connection(let connection):
                guard let ordinal = live[connection] else { return nil }
                audience = .connection(ordinal)
            }
            let payload = Array(delivery.payload(of: event).readableBytesView)
            var ids: (connection: Int?, request: Int?)
            if case .message(let message) = event.fact, case .refused = message.outcome {
                ids = (offset(of: message.connection.text, in: payload), offset(of: message.request.text, in: payload))
            }
            return script.expect(
                payload, for: audience, isText: delivery.opcode == .text, at: event.position.rawValue,
                connectionIDAt: ids.connection, requestIDAt: ids.request)
        }

        /// Where an id stands in an error frame. The ids are its last two texts, so the search goes backwards.
        private func offset(of id: String, in payload: [UInt8]) -> Int? {
            let id = Array(id.utf8)
            guard payload.count >= id.count else { return nil }
            return (0...payload.count - id.count).last { payload[$0..<$0 + id.count].elementsEqual(id) }
        }

        /// Ends what the recording does not end: a session that runs, or that crashed and was not recovered.
        func endOpen(at position: Position, _ script: inout RedriveScript) {
            for connection in live.values.sorted() {
                script.end(connection, .close(code: 1000, reason: ""), at: position.rawValue, time: time)
            }
        }
    }
}

extension RedriveScript.Ending {
    /// How an end is done again. What the server decided by itself, its client does now.
    init(of disconnected: Disconnected) {
        switch disconnected.cause {
        case .client where disconnected.code.isValidOnTheWire:
            self = .close(code: disconnected.code.rawValue, reason: disconnected.reason)
        case .client: self = .close(code: nil, reason: "")
        case .deleted: self = .delete
        case .lost: self = .drop
        case .idle, .lifetime, .slowConsumer, .protocol, .shutdown, .crash, .messageRate:
            self = .close(code: CloseCode.normal.rawValue, reason: "")
        }
    }
}
