// Whether the client is still there.

internal import NIOCore
internal import Reprise

extension Connection {
    /// Asks a client that was silent whether it is there, and ends the socket of one that is not: it gets no Close.
    func watch(_ pass: PeerWatch.Pass) {
        guard case .open = lifecycle else { return }
        let limits = shard.peers.limits
        let isJudged = pass.isJudging && isReading && outbox.phase == .idle
        switch liveness.look(pass.now, limits, isJudged: isJudged) {
        case .nothing: if hasLostPeer(pass) { closeSocket(reset: true) }
        case .ping: ping()
        case .lost: closeSocket(reset: true)
        }
    }

    private func ping() {
        var frame = ByteBuffer()
        FrameEncoder.appendPing(ByteBuffer().readableBytesSpan, to: &frame)
        sendControl(frame, .ping)
    }

    /// Whether the peer's machine has acknowledged nothing for too long. It is asked only where something was sent: without that,
    /// keepalive probes ask it.
    private func hasLostPeer(_ pass: PeerWatch.Pass) -> Bool {
        let timeout = shard.peers.limits.timeout
        guard shard.peers.asksKernel, pass.isJudging else { return false }
        guard
            outbox.phase != .idle || shard.peers.unanswered.contains(id)
                || pass.now - shard.lastTraffic(of: self) <= max(timeout + timeout, PeerWatch.lookMin)
        else { return false }
        let state = descriptor >= 0 ? TransportState(of: descriptor) : nil
        return shard.peers.unanswered.isLost(id, state, pass.now, timeout: timeout)
    }
}
