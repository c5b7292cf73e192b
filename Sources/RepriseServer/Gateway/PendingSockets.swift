// Sockets of one loop that have not become WebSockets: clients that are slow, that ask the management API, or that only
// want to cost something.

/// The pending sockets of one loop, the oldest first.
///
/// Above the bound the oldest is closed: an honest client is through in a few milliseconds, and those that sit there are
/// the ones that do not mean to.
struct PendingSockets {
    /// A place in the list.
    typealias Ticket = UInt64

    private let countMax: Int
    private var sockets: [Ticket: HTTPGatewayHandler] = [:]
    private var next: Ticket = 0
    /// No smaller ticket is taken.
    private var oldest: Ticket = 0

    init(countMax: Int) {
        self.countMax = countMax
    }

    /// How many there are.
    var count: Int { sockets.count }

    /// Adds a socket.
    ///
    /// - Returns: its ticket, and the socket that has to go for it, if one has.
    mutating func add(_ socket: HTTPGatewayHandler) -> (Ticket, evicted: HTTPGatewayHandler?) {
        let ticket = next
        next += 1
        sockets[ticket] = socket
        guard sockets.count > countMax else { return (ticket, nil) }
        while sockets[oldest] == nil { oldest += 1 }
        return (ticket, sockets.removeValue(forKey: oldest))
    }

    /// All of them, the oldest first.
    var all: [HTTPGatewayHandler] { sockets.sorted { $0.key < $1.key }.map(\.value) }

    /// The socket is a WebSocket now, or gone.
    mutating func remove(_ ticket: Ticket) { sockets[ticket] = nil }
}
