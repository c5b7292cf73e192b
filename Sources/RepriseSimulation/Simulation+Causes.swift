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
        case .lost: !client.socket.isEndedByServer
        case .crash: !clients.contains { $0 === client }
        case .messageRate: configuration.messageRateMax > 0 && client.sent.count > configuration.messageRateMax
        }
    }
}
