// In which order a server must have had what several browsers sent and received.

internal import NIOCore
internal import Reprise

/// Puts the WebSockets of a HAR into one order of events under some routes.
///
/// A message stands where what it delivers was received. What happened in one moment may have happened in any order that
/// gives what was received: a server stamps a whole batch at once.
struct HAROrdering {
    private(set) var events: [Event] = []
    let sockets: [HARSocket]
    let received: [[HARSocket.Message]]
    /// Where these stand among all messages of their sockets.
    let receivedOrdinals: [[Int]]
    let configuration: EngineConfiguration
    var tokens = HARTokens(seed: "session")
    var now = Timestamp(rawValue: 0)
    var states: [State]
    /// What each socket receives next.
    var next: [Int]
    var bytes: [UInt64]
    /// Messages that have no place yet, in the order of sending.
    var pending: [Pending] = []

    /// A message that was sent.
    struct Pending {
        var socket: Int
        var ordinal: Int
        var message: HARSocket.Message
        /// Whether somebody receives what it delivers: it stands there. Others stand where they were sent.
        var delivers: Bool
        /// Whether its browser has come to where it was sent.
        var isDue = false
    }

    enum State {
        case unopened
        /// It opens in this moment, before or after what else happens in it.
        case opening
        case live
        case closed
    }

    enum Action {
        case open
        case send(Int)
        /// A message that nobody receives belongs here.
        case settle(Int)
        /// The ordinal among what is received.
        case receive(Int)
        case close
    }

    init(_ sockets: [HARSocket], _ configuration: EngineConfiguration) {
        self.sockets = sockets
        self.configuration = configuration
        received = sockets.map { $0.messages.filter { !$0.isSent } }
        receivedOrdinals = sockets.map { socket in socket.messages.indices.filter { !socket.messages[$0].isSent } }
        states = Array(repeating: .unopened, count: sockets.count)
        next = Array(repeating: 0, count: sockets.count)
        bytes = Array(repeating: 0, count: sockets.count)
    }

    /// Orders everything.
    ///
    /// - Returns: whether the routes give what was received; if not, `events` are of no use.
    mutating func run() -> Bool {
        let items = self.items()
        now = items.first?.time ?? now
        append(
            .sessionStarted(
                SessionStarted(
                    session: SessionID(1), version: BuildInfo.version, node: "har", configuration: configuration)))
        for (time, socket, action) in items {
            if time > now {
                for index in sockets.indices where states[index] == .opening { open(index) }
                now = time
            }
            switch action {
            case .open: states[socket] = .opening
            case .send(let ordinal):
                open(socket)
                let message = sockets[socket].messages[ordinal]
                pending.append(
                    Pending(socket: socket, ordinal: ordinal, message: message, delivers: delivers(message)))
            case .settle(let ordinal):
                guard let index = pending.firstIndex(where: { $0.socket == socket && $0.ordinal == ordinal }) else {
                    continue  // it was settled before a later message of its socket
                }
                pending[index].isDue = true
                settle(socket) { $0.isDue }
            case .receive(let ordinal):
                open(socket)
                if ordinal == next[socket] { receive(socket) }
            case .close:
                open(socket)
                guard !isPending(socket) else { return false }
                close(socket)
            }
        }
        append(.sessionEnded(.shutdown))
        return true
    }

    /// Everything in the order of time. Within a moment everyone sends before anyone receives, unless what is sent
    /// delivers nothing: then a browser's own order holds.
    func items() -> [(time: Timestamp, socket: Int, action: Action)] {
        var items: [(time: Timestamp, rank: Int, socket: Int, action: Action)] = []
        for (index, socket) in sockets.enumerated() {
            items.append((socket.opensAt, 0, index, .open))
            var receive = 0
            for (ordinal, message) in socket.messages.enumerated() {
                if message.isSent {
                    items.append((message.time, 1, index, .send(ordinal)))
                    if !delivers(message) { items.append((message.time, 2, index, .settle(ordinal))) }
                } else {
                    items.append((message.time, 2, index, .receive(receive)))
                    receive += 1
                }
            }
            items.append((socket.closesAt, 3, index, .close))
        }
        let order = items.indices.sorted { left, right in
            (items[left].time, items[left].rank, left) < (items[right].time, items[right].rank, right)
        }
        return order.map { (items[$0].time, items[$0].socket, items[$0].action) }
    }

    /// Whether somebody receives what a browser sent.
    func delivers(_ message: HARSocket.Message) -> Bool {
        let body = message.body.readableBytesSpan
        guard case .route(let key) = configuration.routes.outcome(of: body, opcode: message.opcode),
            let index = configuration.routes.index(of: key)
        else { return true }
        return configuration.routes.routes[index].action != .record
    }

    /// Whether no message delivers anything.
    var keepsOwnOrder: Bool { configuration.routes.routes.allSatisfy { $0.action == .record } }

    // MARK: What happens

    mutating func append(_ fact: Fact) {
        events.append(Event(position: Position(UInt64(events.count + 1)), time: now, fact: fact))
    }

    mutating func open(_ socket: Int) {
        guard states[socket] == .opening else { return }
        states[socket] = .live
        append(.connected(sockets[socket].connected))
    }

    mutating func close(_ socket: Int) {
        guard states[socket] != .closed else { return }
        states[socket] = .closed
        append(
            .disconnected(
                Disconnected(
                    connection: connection(socket), request: RequestID(using: &tokens), code: .noStatus,
                    reason: CloseCode.noStatus.reason, cause: .client,
                    deliveredThrough: Position(UInt64(events.count)), bytesSent: bytes[socket])))
    }

    /// Records the oldest messages of a socket that nobody receives.
    mutating func settle(_ socket: Int, while condition: (Pending) -> Bool) {
        while let index = pending.firstIndex(where: { $0.socket == socket }), !pending[index].delivers,
            condition(pending[index])
        {
            append(recorded(pending[index].message, socket).0.fact)
            pending.remove(at: index)
        }
    }

    /// What sockets sent before they received what comes next stands before it.
    mutating func settleBeforeNext(_ members: [Int]) {
        for member in members {
            let ordinal = receivedOrdinals[member][next[member]]
            settle(member) { $0.ordinal < ordinal }
        }
    }

    mutating func receive(_ socket: Int) {
        let ordinal = next[socket]
        while next[socket] == ordinal {
            guard headIndices.contains(where: { place($0, receiver: socket) }) || placeAnother() else {
                return post(to: socket)
            }
        }
    }

    /// Places a pending message here, if a socket can have received it now and everyone else addressed can too.
    mutating func place(_ index: Int, receiver: Int) -> Bool {
        let (socket, ordinal) = (pending[index].socket, pending[index].ordinal)
        let (event, delivery) = recorded(pending[index].message, socket)
        guard let delivery, let changes = changes(for: delivery, besides: index, receiver: receiver) else {
            return false
        }
        perform(changes)
        settle(socket) { $0.ordinal < ordinal }
        settleBeforeNext(changes.members)
        append(event.fact)
        take(changes.members)
        pending.removeAll { $0.socket == socket && $0.ordinal == ordinal }
        settle(socket) { $0.isDue }
        return true
    }

    /// Places a pending message that somebody else has received by now: it may be what the others wait for.
    mutating func placeAnother() -> Bool {
        for index in headIndices {
            guard let delivery = recorded(pending[index].message, pending[index].socket).1 else { continue }
            let receiver = sockets.indices.first { socket in
                (states[socket] == .live || states[socket] == .opening) && next[socket] < received[socket].count
                    && received[socket][next[socket]].time <= now && delivery.addresses(connection(socket))
                    && delivery.isEqual(to: received[socket][next[socket]])
            }
            if let receiver, place(index, receiver: receiver) { return true }
        }
        return false
    }

    /// What a socket receives next is nothing that a message delivers.
    mutating func post(to socket: Int) {
        let message = received[socket][next[socket]]
        let post = Sent(
            request: RequestID(using: &tokens), target: .everyone, opcode: message.opcode, body: message.body)
        let event = Event(position: .zero, time: now, fact: .sent(post))
        // What everyone received in one moment was sent to everyone.
        if !keepsOwnOrder, let delivery = HARDelivery(of: event, under: configuration),
            let changes = changes(for: delivery, besides: nil, receiver: socket), changes.members.count > 1,
            changes.members.allSatisfy({ hasReceivedNow($0, delivery) })
        {
            perform(changes)
            settleBeforeNext(changes.members)
            append(event.fact)
            take(changes.members)
        } else {
            postHead(socket)
        }
    }

    /// Whether a socket received a delivery in this moment, and not later.
    func hasReceivedNow(_ socket: Int, _ delivery: HARDelivery) -> Bool {
        let mine = received[socket][next[socket]...]
        return mine.prefix { $0.time <= now }.contains { delivery.isEqual(to: $0) }
    }

    /// What a socket receives next is a post to it alone.
    mutating func postHead(_ socket: Int) {
        let message = received[socket][next[socket]]
        settleBeforeNext([socket])
        append(
            .sent(
                Sent(
                    request: RequestID(using: &tokens), target: .connection(connection(socket)), opcode: message.opcode,
                    body: message.body)))
        take([socket])
    }

    mutating func take(_ members: [Int]) {
        for member in members {
            bytes[member] += FrameBytes.count(received[member][next[member]].body, configuration)
            next[member] += 1
        }
    }
}

/// What the frames of a message take on the wire.
private enum FrameBytes {
    static func count(_ payload: ByteBuffer, _ configuration: EngineConfiguration) -> UInt64 {
        var (rest, count) = (payload.readableBytes, 0)
        repeat {
            let part = min(rest, configuration.frameBytesMax)
            count += part + (part < 126 ? 2 : part < 65_536 ? 4 : 10)
            rest -= part
        } while rest > 0
        return UInt64(count)
    }
}
