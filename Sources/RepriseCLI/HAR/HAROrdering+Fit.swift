// Whether a delivery can stand here: did everyone whom it addresses receive it by now, and nothing else before it?

internal import NIOCore
internal import Reprise

/// A delivery with its payload at hand: it is looked for among what the sockets received.
struct HARDelivery {
    private let delivery: Delivery
    private let payload: ByteBuffer

    init?(of event: Event, under configuration: EngineConfiguration) {
        guard let delivery = Delivery(of: event, under: configuration) else { return nil }
        self.delivery = delivery
        payload = delivery.payload(of: event)
    }

    func addresses(_ connection: ConnectionID) -> Bool { delivery.addresses(connection) }

    /// Whether a received message is this delivery, as far as its bytes say.
    func isEqual(to message: HARSocket.Message) -> Bool { message.opcode == delivery.opcode && message.body == payload }
}

extension HAROrdering {
    func connection(_ socket: Int) -> ConnectionID { sockets[socket].connected.connection }

    func isPending(_ socket: Int) -> Bool { pending.contains { $0.socket == socket } }

    /// The oldest message of each socket that delivers something: a socket keeps order.
    var headIndices: [Int] {
        var seen: Set<Int> = []
        return pending.indices.filter { pending[$0].delivers && seen.insert(pending[$0].socket).inserted }
    }

    /// A message as it would be recorded now, and what it orders. The request of a refused one is told by its answer.
    mutating func recorded(_ message: HARSocket.Message, _ socket: Int) -> (Event, HARDelivery?) {
        var request = RequestID(using: &tokens)
        if next[socket] < received[socket].count {
            request = HARErrorFrame(String(buffer: received[socket][next[socket]].body))?.request ?? request
        }
        let event = Event(
            position: .zero, time: now,
            fact: .message(
                Message(
                    connection: connection(socket), message: MessageID(using: &tokens), request: request,
                    opcode: message.opcode, body: message.body,
                    outcome: configuration.routes.outcome(
                        of: message.body.readableBytesSpan, opcode: message.opcode))))
        return (event, HARDelivery(of: event, under: configuration))
    }

    /// What must have happened before a delivery, in the same moment.
    struct Changes {
        var opens: [Int] = []
        var closes: [Int] = []
        /// Posts to single sockets.
        var posts: [(socket: Int, count: Int)] = []
        /// Who receives the delivery.
        var members: [Int] = []
    }

    mutating func perform(_ changes: Changes) {
        for socket in changes.closes { close(socket) }
        for (socket, count) in changes.posts {
            open(socket)
            for _ in 0..<count { postHead(socket) }
        }
        for socket in changes.opens { open(socket) }
    }

    /// How everyone whom a delivery addresses can have received it now; nil if somebody cannot.
    ///
    /// - Parameter head: the index of the message that orders it, among the pending ones.
    mutating func changes(for delivery: HARDelivery, besides head: Int?, receiver: Int) -> Changes? {
        let others = pending.indices.filter { $0 != head }.compactMap { index in
            recorded(pending[index].message, pending[index].socket).1
        }
        var changes = Changes()
        for socket in sockets.indices where states[socket] == .live || states[socket] == .opening {
            guard delivery.addresses(connection(socket)) else { continue }
            if let skipped = posts(before: delivery, others, on: socket), skipped == 0 || socket != receiver {
                if skipped > 0 { changes.posts.append((socket, skipped)) }
                if states[socket] == .opening { changes.opens.append(socket) }
                changes.members.append(socket)
            } else if socket == receiver {
                return nil
            } else if states[socket] == .opening {
                continue  // it opens behind it
            } else if sockets[socket].closesAt == now, next[socket] == received[socket].count, !isPending(socket) {
                changes.closes.append(socket)
            } else {
                return nil
            }
        }
        return changes.members.contains(receiver) ? changes : nil
    }

    /// How many posts a socket must have received up to now before the delivery came; nil if it has not come.
    func posts(before delivery: HARDelivery, _ others: [HARDelivery], on socket: Int) -> Int? {
        for index in next[socket]..<received[socket].count {
            let message = received[socket][index]
            if delivery.isEqual(to: message) { return index - next[socket] }
            guard message.time <= now else { return nil }
            if others.contains(where: { $0.addresses(connection(socket)) && $0.isEqual(to: message) }) { return nil }
            // Which of its refused messages an error frame answers is known when that message is next.
            if isPending(socket), HARErrorFrame(String(buffer: message.body)) != nil { return nil }
        }
        return nil
    }
}
