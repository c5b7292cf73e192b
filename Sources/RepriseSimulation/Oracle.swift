// What must have happened, from the log alone and without the engine: who was live, and what everybody is owed.

internal import NIOCore
internal import Reprise
internal import RepriseTesting

/// Folds committed events one by one, in the plainest way.
struct Oracle {
    /// One delivery that a connection is owed.
    struct Owed: Equatable {
        var position: Position
        var isText: Bool
        var payload: [UInt8]
    }

    /// Everything that is known of one connection.
    struct Life {
        var opened: Position
        var owed: [Owed] = []
        var skipped: [ClosedRange<Position>] = []
        var disconnected: (at: Position, Disconnected)?
        /// Messages of this client that are in the log.
        var said: [[UInt8]] = []
    }

    private(set) var events: [Event] = []
    private(set) var lives: [ConnectionID: Life] = [:]
    /// In order of opening.
    private(set) var live: [ConnectionID] = []
    private(set) var isInSession = false

    var end: Position { events.last?.position ?? .zero }

    /// Takes what is new in the log.
    ///
    /// - Throws: `Violation` where it is not a history that can be.
    mutating func follow(_ log: EventLog) throws {
        guard try log.tail().position > end else { return }
        for event in try log.events(from: end.next) { try fold(event) }
    }

    mutating func fold(_ event: Event) throws(Violation) {
        guard event.position == end.next else { throw Violation("\(event.position) follows \(end)") }
        if let last = events.last, event.time < last.time {
            throw Violation("time runs backwards at \(event.position)")
        }
        events.append(event)
        switch event.fact {
        case .sessionStarted:
            guard !isInSession, live.isEmpty else {
                throw Violation("a session begins within another, or with live connections")
            }
            isInSession = true
        case .sessionEnded:
            guard isInSession, live.isEmpty else {
                throw Violation("a session ends with \(live.count) live connections")
            }
            isInSession = false
        case .connected(let connected):
            guard lives[connected.connection] == nil else { throw Violation("\(connected.connection) is opened twice") }
            lives[connected.connection] = Life(opened: event.position)
            live.append(connected.connection)
        case .disconnected(let disconnected):
            guard let index = live.firstIndex(of: disconnected.connection) else {
                throw Violation("a close at \(event.position) of \(disconnected.connection), which is not live")
            }
            live.remove(at: index)
            lives[disconnected.connection]?.disconnected = (event.position, disconnected)
        case .message(let message):
            try fold(message, at: event.position)
        case .sent(let sent):
            let owed = Owed(position: event.position, isText: true, payload: Array(sent.body.readableBytesView))
            switch sent.target {
            case .everyone: owe(owed, to: live)
            case .connection(let connection): owe(owed, to: [connection])
            }
        case .skipped(let skipped):
            lives[skipped.connection]?.skipped.append(skipped.first...skipped.last)
        }
    }

    /// The messages of a simulation are of four forms; each says itself what becomes of it.
    private mutating func fold(_ message: Message, at position: Position) throws(Violation) {
        let body = Array(message.body.readableBytesView)
        lives[message.connection]?.said.append(body)
        let broadcast = Array(#"{"action":"onMessage","data":"#.utf8)
        if body.starts(with: broadcast) {
            let payload = Array(body[broadcast.count..<body.count - 1])
            owe(Owed(position: position, isText: true, payload: payload), to: live)
        } else if body.starts(with: Array(#"{"action":"echo""#.utf8)) {
            owe(Owed(position: position, isText: true, payload: body), to: [message.connection])
        } else {
            let isNumber = body.allSatisfy { (0x30...0x39).contains($0) }
            let reason = isNumber ? "Bad request body" : "Forbidden"
            let text =
                #"{"message": "\#(reason)", "connectionId":"\#(message.connection)", "requestId":"\#(message.request)"}"#
            owe(Owed(position: position, isText: true, payload: Array(text.utf8)), to: [message.connection])
        }
    }

    private mutating func owe(_ owed: Owed, to connections: [ConnectionID]) {
        for connection in connections where live.contains(connection) { lives[connection]?.owed.append(owed) }
    }
}
