// What a loop keeps for those that are behind, and whom it gives up when that is too much.

internal import Reprise

extension Shard {
    /// Keeps `idle`, `behind` and `leaving` in step after a connection's outbox has changed.
    func noteProgress(of connection: Connection) {
        let phase = connection.outbox.phase
        if phase == .idle, connection.memberIndex >= 0, connection.descriptor >= 0 {
            idle.insert(connection)
        } else {
            leaveIdle(connection)
        }
        switch phase {
        case .behind:
            behind[connection.id] = connection
            return
        case .frozen, .finished:
            if connections[connection.id] != nil { leaving[connection.id] = connection }
        case .pending, .idle:
            break
        }
        if behind.removeValue(forKey: connection.id) != nil, behind.isEmpty, !isPerforming {
            ring.drop(before: ring.head)
        }
    }

    /// Lets go of what nobody needs, and of what is too much.
    func trimRing() {
        guard !behind.isEmpty else { return ring.drop(before: ring.head) }
        let oldest = behind.values.reduce(ring.head) { min($0, $1.outbox.streamCursor ?? $0) }
        ring.drop(before: oldest)
        while ring.memoryBytes + ownMemoryBytes > ringBytesMax, evict() {}
        closeBroken()
    }

    /// Bytes that are kept for single connections that are behind; they count against the ring.
    private var ownMemoryBytes: Int { behind.values.reduce(0) { $0 + $1.outbox.ownMemoryBytes } }

    /// Gives up the oldest run, or where frames for single connections are the larger part, those of the connection that
    /// has the most of them: nobody else pays for what only it was sent. A connection whose unfinished message alone is
    /// too much is closed, whatever the policy.
    ///
    /// - Returns: whether anything was given up.
    private func evict() -> Bool {
        if ring.count > 0, ring.memoryBytes >= ownMemoryBytes {
            evictOldestRun()
            return true
        }
        let worst = behind.values.max { left, right in
            (left.outbox.ownMemoryBytes, left.id) < (right.outbox.ownMemoryBytes, right.id)
        }
        guard let worst else { return false }
        if worst.giveUpMemory() { return true }
        if ring.count > 0 { evictOldestRun() } else { worst.closeAsSlow() }
        return true
    }

    private func evictOldestRun() {
        let end = ring.endOfOldest
        // In order of ids: what becomes of them goes into the log, and the simulator repeats it.
        let slow = behind.values.filter { $0.outbox.needsStream(before: end) }.sorted { $0.id < $1.id }
        for connection in slow { connection.becameTooSlow() }
        ring.evictOldest()
    }
}
