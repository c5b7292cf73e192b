internal import NIOCore

/// Whether a client is still there, as far as its bytes and our pings tell. It decides; the connection executes.
///
/// What a peer sends to show that it lives is not traffic: `Connection.lastTraffic` is another matter, and so a client that only
/// answers pings is idle.
struct Liveness: Equatable, Sendable {
    /// What a server asks of its clients.
    struct Limits: Equatable, Sendable {
        /// After how much silence of a client a ping is sent; 0 for never.
        var pingInterval: TimeAmount
        /// How long a client may leave a ping unanswered, and a machine what we sent to it.
        var timeout: TimeAmount
    }

    /// What is to be done now.
    enum Verdict: Equatable, Sendable {
        case nothing
        /// Send a ping.
        case ping
        /// Nothing has come for too long.
        case lost
    }

    /// When bytes of the client were last read, whatever they were.
    private(set) var lastReceived: NIODeadline
    /// From when on the answer to a ping is waited for.
    private var asked: NIODeadline?
    /// How many pongs to pings of ours are still to come. A client may answer several pings with one.
    private var pongsOwed: UInt32 = 0

    /// The client is there.
    init(_ now: NIODeadline) { lastReceived = now }

    /// Bytes of the client were read: it lives.
    mutating func received(_ now: NIODeadline) {
        lastReceived = now
        asked = nil
    }

    /// A pong came.
    ///
    /// - Returns: whether it answers a ping of ours. Others are a client's own sign of life, and traffic.
    mutating func receivedPong() -> Bool {
        guard pongsOwed > 0 else { return false }
        pongsOwed -= 1
        return true
    }

    /// Looks at the clock.
    ///
    /// - Parameter isJudged: whether all that the client was sent has left, and what it sends is read. Time in which that is not so does
    ///   not count.
    mutating func look(_ now: NIODeadline, _ limits: Limits, isJudged: Bool) -> Verdict {
        guard isJudged else {
            if asked != nil { asked = now }
            return .nothing
        }
        if let asked { return now - asked >= limits.timeout ? .lost : .nothing }
        guard limits.pingInterval > .zero, now - lastReceived >= limits.pingInterval else { return .nothing }
        asked = now
        pongsOwed &+= 1
        return .ping
    }
}
