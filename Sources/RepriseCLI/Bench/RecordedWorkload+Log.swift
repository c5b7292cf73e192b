internal import NIOCore
internal import Reprise
internal import RepriseLoad

extension RecordedWorkload {
    /// Reads what the clients of a session did. What the management API ordered is no client's doing and left out.
    ///
    /// The recording decides what comes back to a sender, as its routes have it: that is what latency is measured by.
    init(_ session: Session, of log: EventLog) throws {
        self.init()
        var routes = RouteTable.default
        var ordinals: [ConnectionID: Int] = [:]
        var start: Timestamp?
        func time(of event: Event) -> Int {
            if start == nil { start = event.time }
            return Int(event.time.rawValue - (start ?? event.time).rawValue)
        }
        try log.walk(from: session.first, through: session.last) { event in
            switch event.fact {
            case .sessionStarted(let started):
                guard started.session == session.id else { return false }
                routes = started.configuration.routes
            case .connected(let connected):
                ordinals[connected.connection] = open(
                    at: time(of: event), query: connected.query, subprotocol: connected.subprotocol)
            case .message(let message):
                guard let connection = ordinals[message.connection] else { break }
                send(
                    message.body.readableBytesView, isText: message.opcode == .text, on: connection,
                    at: time(of: event), answer: RecordedWorkload.answer(to: message, routes))
            case .disconnected(let disconnected):
                guard let connection = ordinals.removeValue(forKey: disconnected.connection) else { break }
                close(connection, code: disconnected.code.rawValue, at: time(of: event))
            case .sent, .skipped, .sessionEnded:
                break
            }
            return true
        } onDamage: {
        }
    }

    /// The fingerprint of what the sender gets back. An error frame carries new ids and cannot be foretold.
    private static func answer(to message: Reprise.Message, _ routes: RouteTable) -> UInt64? {
        guard case .route(let key) = message.outcome, let index = routes.index(of: key),
            routes.routes[index].action != .record
        else { return nil }
        let body = message.body.readableBytesSpan
        var payload = ByteBuffer()
        routes.appendPayload(
            of: routes.match(body, isText: message.opcode == .text), body: body, to: &payload)
        return fingerprint(of: payload.readableBytesView)
    }
}
