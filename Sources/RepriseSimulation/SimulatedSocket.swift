// The kernel's part of a connection: two buffers, and who has ended what.

internal import Glibc
internal import NIOCore

/// A connected TCP socket, seen from both ends.
final class SimulatedSocket {
    /// How an end stands.
    enum End {
        case open
        /// No more bytes come from it (FIN).
        case finished
        /// It is gone, and whoever writes to it is told so (RST).
        case reset
    }

    let descriptor: CInt
    /// Bytes that the kernel keeps for a client that does not read.
    let capacity: Int
    let openedAt: NIODeadline

    /// What the client has sent, and the server has not read.
    var toServer: [UInt8] = []
    var client = End.open
    var server = End.open
    /// Bytes that the kernel took for the client, and the client has not read.
    private(set) var unreadByClient = 0
    private(set) var sentToClient = 0
    /// When something went either way beside pings and answers to them.
    private var lastTraffic: NIODeadline
    private var longestSilence = TimeAmount.zero
    /// The same, where a part of an answer counts too.
    private(set) var lastSign: NIODeadline
    /// When the server read anything.
    private var lastReceived: NIODeadline
    private var longestQuiet = TimeAmount.zero
    /// How many bytes the server has read.
    private var receivedCount = 0
    /// Which of the client's bytes answer pings.
    var pongs: [Range<Int>] = []
    var isResetOnClose = false
    /// Whether the server ended it before the client did.
    private(set) var isEndedByServer = false

    init(descriptor: CInt, capacity: Int, now: NIODeadline) {
        self.descriptor = descriptor
        self.capacity = capacity
        (openedAt, lastTraffic, lastSign, lastReceived) = (now, now, now, now)
    }

    var room: Int { capacity - unreadByClient }

    /// How many bytes the client has read.
    var readByClient: Int { sentToClient - unreadByClient }

    /// The server sends.
    ///
    /// - Parameter most: the kernel takes no more this time.
    /// - Returns: what `send(2)` does: how many were taken, or a negated error.
    func send(_ count: Int, atMost most: Int) -> Int {
        if client == .reset { return -Int(EPIPE) }
        let taken = min(count, room, most)
        guard taken > 0 else { return -Int(EAGAIN) }
        unreadByClient += taken
        sentToClient += taken
        return taken
    }

    /// The server has sent or received something.
    func noteTraffic(_ now: NIODeadline) {
        longestSilence = longestSilence(until: now)
        (lastTraffic, lastSign) = (now, now)
    }

    /// The server has read bytes of the client.
    func noteReceived(_ count: Int, _ now: NIODeadline) {
        longestQuiet = longestQuiet(until: now)
        lastReceived = now
        let bytes = receivedCount..<receivedCount + count
        receivedCount = bytes.upperBound
        let answers = pongs.filter { $0.overlaps(bytes) }
        let answered = answers.reduce(0) { $0 + $1.clamped(to: bytes).count }
        if answered < count {
            noteTraffic(now)
        } else if answers.contains(where: { $0.clamped(to: bytes) != $0 }) {
            lastSign = now
        }
        pongs.removeAll { $0.upperBound <= receivedCount }
    }

    /// The longest time in which the server read nothing.
    func longestQuiet(until now: NIODeadline) -> TimeAmount { max(longestQuiet, now - lastReceived) }

    /// The longest time in which nothing was sent or received.
    func longestSilence(until now: NIODeadline) -> TimeAmount { max(longestSilence, now - lastTraffic) }

    /// The client reads.
    func read(atMost count: Int) { unreadByClient -= min(count, unreadByClient) }

    /// The server closes its end.
    func closeServer() {
        guard server != .reset else { return }
        isEndedByServer = client == .open
        // Bytes that nobody reads any more are answered with a reset, as the kernel does it.
        if isResetOnClose || !toServer.isEmpty {
            server = .reset
            unreadByClient = 0
        } else {
            server = .finished
        }
    }
}

/// Descriptors, given out as the kernel does: the lowest free number first. A late send reaches a stranger.
struct SimulatedDescriptors {
    private var sockets: [SimulatedSocket?] = []
    private let first: CInt

    init(first: CInt) { self.first = first }

    mutating func open(capacity: Int, now: NIODeadline) -> SimulatedSocket {
        let index = sockets.firstIndex { $0 == nil } ?? sockets.count
        let socket = SimulatedSocket(descriptor: first + CInt(index), capacity: capacity, now: now)
        if index == sockets.count { sockets.append(socket) } else { sockets[index] = socket }
        return socket
    }

    /// The socket behind a number.
    subscript(descriptor: CInt) -> SimulatedSocket? {
        let index = Int(descriptor - first)
        return sockets.indices.contains(index) ? sockets[index] : nil
    }

    mutating func close(_ socket: SimulatedSocket) { sockets[Int(socket.descriptor - first)] = nil }
}
