// What becomes of a connection that does not read, by the policy.

internal import NIOCore
internal import Reprise

extension Connection {
    /// The ring moved past this connection's cursor. Called before the bytes are given up.
    func becameTooSlow() {
        guard gateway.slowConsumerPolicy != .disconnect else { return closeAsSlow() }
        leaveRing()
        transmit()
    }

    /// Gives up what is kept for this connection alone, as far as the policy allows.
    ///
    /// - Returns: whether that freed anything.
    func giveUpMemory() -> Bool {
        guard gateway.slowConsumerPolicy != .disconnect else {
            closeAsSlow()
            return true
        }
        let before = outbox.ownMemoryBytes
        leaveRing()
        outbox.giveUpReadAhead()
        transmit()
        return outbox.ownMemoryBytes < before
    }

    /// Closes a connection that costs too much, and the log says how far it got.
    func closeAsSlow() {
        end(Ending(cause: .slowConsumer, code: .policyViolation, reason: "Slow consumer"))
    }

    private func leaveRing() {
        outbox.leaveRing(
            gateway.slowConsumerPolicy, ring: shard.ring, performedThrough: shard.performedThrough)
    }

    /// Everything at hand has left: on a detour, asks for more or joins the ring again.
    ///
    /// - Returns: whether there is something to send now.
    func goOn() -> Bool {
        switch outbox.advance(ring: shard.ring, performedThrough: shard.performedThrough) {
        case nil:
            return false
        case .read(let request):
            shard.read(request, for: id)
            return false
        case .joined(let skipped):
            if let skipped { shard.record(skipped, of: id) }
            return outbox.hasOutput(head: shard.ring.head)
        }
    }

    /// What was read from the log for this connection.
    func received(_ result: Result<CatchUp.Chunk, LogError>) {
        switch result {
        case .success(let chunk):
            outbox.add(chunk)
            noteTraffic(shard.eventLoop.now)  // it was read because all before it had left
            transmit()
        case .failure(.trimmed):
            end(Ending(cause: .slowConsumer, code: .policyViolation, reason: "Slow consumer"))
        case .failure:
            end(Ending(cause: .slowConsumer, code: .internalError, reason: "Slow consumer, and the log is unreadable"))
        }
        shard.closeBroken()
    }
}
