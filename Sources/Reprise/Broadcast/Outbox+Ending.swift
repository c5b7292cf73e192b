// The end of an outbox, and what must not be cut in two on the way there.

public import NIOCore

extension Outbox {
    /// What the log is told of an outbox that has ended.
    public struct Remains: Equatable, Sendable {
        /// The final `deliveredThrough`.
        public var deliveredThrough: Position
        /// What was skipped and not recorded yet.
        public var skipped: ClosedRange<Position>?
    }

    /// The end is decided: the delivery in flight is completed, then the Close is sent, and nothing else.
    ///
    /// - Parameters:
    ///   - close: the Close frame.
    ///   - performedThrough: the last position that the shard has performed.
    /// - Returns: what was skipped and not recorded yet.
    /// - Note: from here on the outbox does not need the ring, nor the log.
    @discardableResult
    public mutating func freeze(
        close: ByteBuffer, ring: FrameRing, performedThrough: Position
    ) -> ClosedRange<Position>? {
        guard phase == .idle || phase == .behind else { return nil }
        frozenThrough = deliveredThrough(ring: ring, performedThrough: performedThrough)
        let skipped = detours.first?.skipped(through: ring.lastPosition)
        leaveIdle(head: ring.head)
        let begun = begun(in: stream(ring))
        phase = .frozen
        detours = []
        cursor = 0  // whatever the inserts' offsets were: a frozen outbox sends them one after another
        inserts = begun + [Insert(offset: 0, bytes: close, purpose: .close)]
        insertBytes = inserts.reduce(0) { $0 + $1.bytes.readableBytes } - insertBytesTaken
        return skipped
    }

    /// The socket is gone.
    @discardableResult
    public mutating func finish(ring: FrameRing, performedThrough: Position) -> Remains {
        let remains = Remains(
            deliveredThrough: deliveredThrough(ring: ring, performedThrough: performedThrough),
            skipped: detours.first?.skipped(through: ring.lastPosition))
        frozenThrough = remains.deliveredThrough
        leaveIdle(head: ring.head)
        phase = .finished
        detours = []
        inserts = []
        insertBytes = 0
        return remains
    }

    /// What has begun and must be completed: the first inserts, or delivery by delivery the rest of what is in flight.
    /// With the channel there may be several.
    func begun(in stream: FrameRing) -> [Insert] {
        let count = begunInsertCount
        if count > 0 { return Array(inserts.prefix(count)) }
        var kept: [Insert] = []
        let boundary = stream.boundary(atOrAfter: cursor + UInt64(channelBytes))
        var offset = cursor
        while offset < boundary, let mark = stream.mark(after: offset) {
            var rest = ByteBuffer()
            stream.copy(from: offset, limit: Int(mark.end - offset), into: &rest)
            kept.append(Insert(offset: cursor, bytes: rest, purpose: .rest(mark.position)))
            offset = mark.end
        }
        return kept
    }

    /// How many of the first inserts have begun, or must be completed in any case.
    var begunInsertCount: Int {
        guard isInsertDue else { return 0 }
        var begun = insertBytesTaken + channelBytes  // more than one insert, where these are the rest of a stream
        var count = 0
        while count < inserts.count, begun > 0 || inserts[count].purpose.mustBeCompleted {
            begun -= inserts[count].bytes.readableBytes
            count += 1
        }
        return count
    }
}
