import NIOCore
import Reprise
import Testing

@testable import RepriseServer

private func moment(_ seconds: Double) -> NIODeadline { .uptimeNanoseconds(UInt64((100_000 + seconds) * 1e9)) }

@Suite struct `Whether a client is there` {
    private let limits = Liveness.Limits(pingInterval: .milliseconds(30_000), timeout: .milliseconds(10_000))
    private var liveness = Liveness(moment(0))

    private mutating func look(_ seconds: Double, isJudged: Bool = true) -> Liveness.Verdict {
        liveness.look(moment(seconds), limits, isJudged: isJudged)
    }

    @Test mutating func `is asked after silence, once`() {
        #expect(look(29) == .nothing)
        #expect(look(30) == .ping)
        #expect(look(31) == .nothing)
        #expect(look(39) == .nothing)
        #expect(look(40) == .lost)
    }

    @Test mutating func `is answered by anything that comes`() {
        #expect(look(30) == .ping)
        liveness.received(moment(39))
        #expect(look(50) == .nothing)
        #expect(look(68) == .nothing)
        #expect(look(69) == .ping)
        #expect(liveness.lastReceived == moment(39))
    }

    @Test mutating func `is not asked where it cannot hear`() {
        #expect(look(30, isJudged: false) == .nothing)
        #expect(look(300, isJudged: false) == .nothing)
        #expect(look(301) == .ping)
    }

    @Test mutating func `is given its time anew when it was held or behind`() {
        #expect(look(30) == .ping)
        #expect(look(39, isJudged: false) == .nothing)
        #expect(look(48) == .nothing)
        #expect(look(49) == .lost)
    }

    @Test mutating func `is never asked without an interval`() {
        let off = Liveness.Limits(pingInterval: .zero, timeout: .milliseconds(10_000))
        #expect(liveness.look(moment(1e6), off, isJudged: true) == .nothing)
    }

    @Test mutating func `is told by as many pongs as there were pings`() {
        #expect(liveness.receivedPong() == false, "nobody asked")
        #expect(look(30) == .ping)
        liveness.received(moment(31))
        #expect(look(61) == .ping)
        #expect(liveness.receivedPong() == true)
        #expect(liveness.receivedPong() == true)
        #expect(liveness.receivedPong() == false, "nobody asked for a third")
    }
}

@Suite struct `A peer without an answer` {
    private let id = ConnectionID(token: Token(high: 1, low: 2))
    private let timeout = TimeAmount.milliseconds(10_000)
    private var peers = UnansweredPeers()

    /// Looks at a peer that answered last at a moment.
    private mutating func isLost(_ seconds: Double, answered: Double, isUnanswered: Bool = true) -> Bool {
        let state = TransportState(isUnanswered: isUnanswered, sinceAnswer: moment(seconds) - moment(answered))
        return peers.isLost(id, state, moment(seconds), timeout: timeout)
    }

    @Test mutating func `is lost when the kernel has tried for so long`() {
        #expect(isLost(0, answered: -300) == false)
        #expect(peers.contains(id))
        #expect(isLost(9.9, answered: -300) == false)
        #expect(isLost(10, answered: -300) == true)
    }

    @Test mutating func `is not lost for a long silence before`() {
        #expect(isLost(0, answered: -10_000) == false, "one segment that got lost is no machine that is gone")
    }

    @Test mutating func `counts anew after an answer`() {
        #expect(isLost(0, answered: -1) == false)
        #expect(isLost(9, answered: 8) == false)
        #expect(isLost(18, answered: 8) == false)
        #expect(isLost(19, answered: 8) == true)
    }

    @Test mutating func `is forgotten when nothing is sent again`() {
        #expect(isLost(0, answered: -1) == false)
        #expect(isLost(5, answered: 4, isUnanswered: false) == false)
        #expect(!peers.contains(id))
        #expect(peers.isLost(id, nil, moment(99), timeout: timeout) == false, "the socket is gone")
    }
}

@Suite struct `A pass over the clients` {
    @Test func `judges nobody when the loop stood still`() {
        var watch = PeerWatch(ServerConfiguration())
        let period = TimeAmount.milliseconds(1000)
        #expect(watch.begin(moment(0), period: period).isJudging == true)
        #expect(watch.begin(moment(1), period: period).isJudging == true)
        #expect(watch.begin(moment(6.9), period: period).isJudging == true, "half of the timeout, and a second")
        #expect(watch.begin(moment(60), period: period).isJudging == false)
        #expect(watch.begin(moment(61), period: period).isJudging == true)
    }
}

@Suite struct `TCP keepalive` {
    @Test(arguments: [
        (30.0, 10.0, [30, 2, 5]), (30, 7, [30, 2, 3]), (1, 0.5, [1, 1, 1]), (60, 100, [60, 20, 5]),
        (1.9, 4, [1, 1, 4]), (0, 10, []),
    ])
    func `takes no longer than the timeout`(keepalive: Double, timeout: Double, expected: [Int]) throws {
        var configuration = ServerConfiguration()
        configuration.keepaliveSeconds = keepalive
        configuration.pingTimeoutSeconds = timeout
        try configuration.validate()
        let found = KeepAlive(configuration).map { [$0.idleSeconds, $0.intervalSeconds, $0.probes] }
        #expect(found ?? [] == expected)
    }
}
