// Why the log says that connections were closed, held against what was done to them.

internal import NIOCore
internal import Reprise
internal import RepriseServer

extension Simulation {
    /// The reason has happened, and a Close that was sent gave the same.
    func judge(_ end: Disconnected, of client: SimulatedClient) throws(Violation) {
        guard isReason(end, for: client) else {
            throw Violation(
                "\(client.name) is closed with the reason \(end.cause) (\(end.code)), and nothing of the kind has happened"
            )
        }
        // A crash may come between the Close and the log.
        if end.cause != .crash, let code = client.closeCode, end.cause == .lost || code != end.code.rawValue {
            throw Violation(
                "\(client.name) was sent a Close with \(code), and the log says \(end.cause) with \(end.code)")
        }
    }

    /// Whether slow consumers may be closed. Whatever the policy, what has begun is kept until it has left, in buffers of up to
    /// twice its size: where these alone can fill the ring, somebody has to go. And what was trimmed cannot be caught up with.
    private var closesSlowConsumers: Bool {
        let configuration = swarm.configuration
        return switch configuration.slowConsumerPolicy {
        case .disconnect: true
        case .catchUp where configuration.retainAgeSeconds > 0: true
        case .catchUp, .skip: 2 * swarm.payloadBytesMax * configuration.connectionsMax > configuration.ringBytesMax
        }
    }

    /// Whether a client has left a ping unanswered for too long.
    private func mayBeLost(_ client: SimulatedClient) -> Bool {
        let (interval, timeout) = (swarm.configuration.pingIntervalSeconds, swarm.configuration.pingTimeoutSeconds)
        return interval > 0
            && client.socket.longestQuiet(until: time.now) >= .nanoseconds(Int64((interval + timeout) * 1e9))
    }

    /// Nobody is left who was idle for too long, whatever pings have gone to and fro. Judged where no loop has anything to do: the
    /// server looks every second, a client has its time to answer a Close, and what the kernel took may have been noticed later.
    func checkIdle() throws(Violation) {
        guard server != nil, !loops.contains(where: \.isRunnable) else { return }
        let longest = TimeAmount.seconds(
            Int64(swarm.configuration.idleTimeoutSeconds + swarm.configuration.closeTimeoutSeconds + 6))
        if let idle = clients.first(where: {
            $0.isOpen && $0.channel.isActive && time.now - $0.socket.lastSign > longest
        }) {
            throw Violation(
                "\(idle.name) is idle for \((time.now - idle.socket.lastSign).nanoseconds / 1_000_000) ms, and open")
        }
    }

    private func isReason(_ end: Disconnected, for client: SimulatedClient) -> Bool {
        let configuration = swarm.configuration
        return switch end.cause {
        case .client: client.hasSentClose
        case .idle: client.socket.longestSilence(until: time.now) >= .seconds(Int64(configuration.idleTimeoutSeconds))
        case .lifetime: time.now - client.socket.openedAt >= .seconds(Int64(configuration.lifetimeSeconds))
        case .slowConsumer: closesSlowConsumers
        case .protocol: false  // no frame is malformed, nor above its limit
        case .deleted: deleted.contains(end.connection.text)
        case .shutdown: isStopping
        case .lost: !client.socket.isEndedByServer || mayBeLost(client)
        case .crash: !clients.contains { $0 === client }
        case .messageRate: configuration.messageRateMax > 0 && client.sent.count > configuration.messageRateMax
        }
    }
}
