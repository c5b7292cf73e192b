// Leaving the ring, and joining it again.

internal import NIOCore

extension Outbox {
    /// What the owner has to do for a connection that is on a detour and has nothing to send.
    public enum Step: Equatable, Sendable {
        /// Read this stretch, and `add` it.
        case read(CatchUp.Request)
        /// The connection is in the ring again; what was skipped must be recorded.
        case joined(skipped: ClosedRange<Position>?)
    }

    /// Whether the outbox has left the ring.
    var isOnDetour: Bool { !detours.isEmpty }

    /// The ring gives up what the outbox needs of it: it keeps only what has begun and goes on by the policy. On a
    /// detour it only loses the place where it would have joined the ring.
    ///
    /// - Precondition: the policy is not `disconnect`.
    public mutating func leaveRing(_ policy: SlowConsumerPolicy, ring: FrameRing, performedThrough: Position) {
        guard phase == .behind else { return }
        if isOnDetour {
            detours[0].anchor = nil
            return
        }
        let through = deliveredThrough(ring: ring, performedThrough: performedThrough)
        let lastInsert = inserts.last { $0.purpose.position != nil }?.purpose.position
        let kept = keepBegun(of: ring)
        detours = [Detour(policy.way, next: (kept ?? through).next, passed: lastInsert ?? .zero)]
    }

    /// Gives up what was read ahead and has not begun to leave; it is read again when its turn comes.
    public mutating func giveUpReadAhead() {
        guard phase == .behind, isOnDetour else { return }
        detours[0].anchor = nil
        guard !detours[0].isReading else { return }  // everything that was read has left
        let stream = detours[0].stream
        let end = begunInsertCount > 0 ? cursor : stream.boundary(atOrAfter: cursor + UInt64(channelBytes))
        if let mark = stream.mark(after: end) { detours[0].next = mark.position }
        keepBegun(of: stream)
        detours[0].stream = FrameRing()
    }

    /// Goes on when everything at hand has left.
    ///
    /// - Returns: what to do now, or `nil` while there is something to send or to wait for, and without a detour.
    public mutating func advance(ring: FrameRing, performedThrough: Position) -> Step? {
        guard phase == .behind, isOnDetour, !detours[0].isReading, !hasOutput(head: ring.head) else { return nil }
        if detours[0].way == .skip {
            let skipped = detours[0].skipped(through: ring.lastPosition)
            join(at: ring.head, [], ring)
            return .joined(skipped: skipped)
        }
        if let anchor = detours[0].anchor, detours[0].next > anchor.position {
            join(at: anchor.offset, anchor.inserts, ring)
            return .joined(skipped: nil)
        }
        if detours[0].next > performedThrough {
            join(at: ring.head, [], ring)
            return .joined(skipped: nil)
        }
        detours[0].stream.drop(before: cursor)
        detours[0].isReading = true
        detours[0].anchor = Detour.Anchor(position: performedThrough, offset: ring.head)
        return .read(
            CatchUp.Request(first: detours[0].next, last: performedThrough, offset: detours[0].stream.head))
    }

    /// Adds what was read for the last `read`. Ignored once the end was decided.
    public mutating func add(_ chunk: CatchUp.Chunk) {
        guard phase == .behind, isOnDetour, detours[0].isReading else { return }
        detours[0].isReading = false
        detours[0].stream.append(chunk.run)
        detours[0].next = chunk.last.next
        // Further stretches come first: the ring need not wait for them.
        if let anchor = detours[0].anchor, chunk.last < anchor.position { detours[0].anchor = nil }
    }

    private mutating func join(at offset: UInt64, _ waiting: [Insert], _ ring: FrameRing) {
        detours = []
        cursor = offset
        inserts = waiting
        insertBytes = waiting.reduce(0) { $0 + $1.bytes.readableBytes }
        restIfDone(head: ring.head)
    }

    /// Keeps of what waits what has begun, and control output; the cursor is then at the start of a stream of its own.
    ///
    /// - Returns: the last position that has begun.
    @discardableResult
    private mutating func keepBegun(of stream: FrameRing) -> Position? {
        let begun = begun(in: stream)
        let controls = inserts.dropFirst(begunInsertCount).filter { [.pong, .ping, .refusal].contains($0.purpose) }
        cursor = 0
        inserts = begun + controls
        for index in inserts.indices { inserts[index].offset = 0 }
        insertBytes = inserts.reduce(0) { $0 + $1.bytes.readableBytes } - insertBytesTaken
        return begun.last?.purpose.position
    }
}

extension SlowConsumerPolicy {
    fileprivate var way: Detour.Way {
        switch self {
        case .catchUp: .log
        case .skip: .skip
        case .disconnect: preconditionFailure("a connection that is closed leaves no ring")
        }
    }
}
