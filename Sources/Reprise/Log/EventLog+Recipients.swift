extension EventLog {
    /// How many connections a delivery addresses: those of its target that are live before the event.
    ///
    /// - Parameter position: the event that orders it.
    /// - Returns: `nil` where a trim has taken away what it would take to know.
    /// - Complexity: O(events since the last checkpoint).
    public func recipientCount(of target: SendTarget, at position: Position) throws(LogError) -> UInt64? {
        if case .connection(let connection) = target {
            guard let span = try span(of: connection), span.opened < position else { return 0 }
            return span.closed.map { $0 < position } ?? false ? 0 : 1
        }
        guard let session = try sessions().last(where: { $0.first < position }), let held = try firstPosition() else {
            return 0
        }
        let checkpoint = try checkpoint(atOrBefore: position.previous).flatMap {
            $0.position >= session.first ? $0 : nil
        }
        guard checkpoint != nil || held <= session.first else { return nil }
        var count = checkpoint?.liveCount ?? 0
        var reader = try LogReader(self, from: checkpoint?.position.next ?? session.first)
        while reader.next < position {
            let events = try reader.read(through: position.previous)
            if events.isEmpty { break }
            for event in events {
                switch event.fact {
                case .connected: count += 1
                case .disconnected: count -= 1
                case .sessionStarted, .message, .sent, .skipped, .sessionEnded: break
                }
            }
        }
        return count
    }
}
