internal import NIOCore
internal import Reprise

/// Watches whether the clients of a shard are still there, in one pass over them from time to time.
struct PeerWatch {
    let limits: Liveness.Limits
    /// Whether the kernel is asked about what it has sent; with keepalive, which asks peers to which nothing is sent.
    let asksKernel: Bool
    var unanswered = UnansweredPeers()
    /// How long the kernel is asked after something was sent, at least: its first retransmission may take some seconds.
    static let lookMin = TimeAmount.seconds(10 as Int64)
    private var lastPass: NIODeadline?

    /// One pass.
    struct Pass {
        var now: NIODeadline
        /// Whether the loop was there to read what came in since the last pass.
        var isJudging: Bool
    }

    init(_ configuration: ServerConfiguration) {
        limits = Liveness.Limits(
            pingInterval: .seconds(configuration.pingIntervalSeconds),
            timeout: .seconds(configuration.pingTimeoutSeconds))
        asksKernel = configuration.keepaliveSeconds > 0
    }

    /// Begins a pass. After a time in which the loop stood still, as when the machine slept, nobody is judged: what clients sent meanwhile
    /// is still to be read.
    mutating func begin(_ now: NIODeadline, period: TimeAmount) -> Pass {
        let stood = lastPass.map { now - $0 } ?? .zero
        lastPass = now
        guard stood >= period + limits.timeout / 2 else { return Pass(now: now, isJudging: true) }
        unanswered.forgetAll()
        return Pass(now: now, isJudging: false)
    }
}

extension TimeAmount {
    static func / (amount: TimeAmount, divisor: Int64) -> TimeAmount { .nanoseconds(amount.nanoseconds / divisor) }
}
