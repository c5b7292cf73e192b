// What one committed batch means for the sockets: a pure function of the log.

public import NIOCore

/// One batch's deliveries: a run that everyone gets, and the exceptions.
public struct DeliveryPlan: Sendable {
    /// A connection that does not simply get the whole run.
    public struct Exception: Sendable {
        /// The connection.
        public var connection: ConnectionID
        /// The stream offset at which it applies.
        public var offset: UInt64
        /// What happens there.
        public var change: Change
    }

    /// What an exception does.
    public enum Change: Sendable {
        /// The connection is in the log: it gets the stream from the offset on. Carries its position and time.
        case activate(Position, Timestamp)
        /// The connection is out of the log: it gets nothing from the offset on.
        case deactivate
        /// A frame for this connection alone, as a range of `targeted`; it belongs at the offset.
        case frame(Position, Range<Int>)
        /// That the connection was sent nothing for a range of positions is in the log.
        case skipped
    }

    /// What a management call ordered came to.
    public struct Outcome: Sendable {
        /// The position of the `sent`.
        public var position: Position
        /// How many connections it addressed.
        public var recipients: Int
    }

    /// The first position of the batch.
    public var first: Position
    /// The last position of the batch.
    public var last: Position
    /// The frames for everyone.
    public var run: FrameRun
    /// Who differs, in order of position.
    public var exceptions: [Exception] = []
    /// The bytes of targeted frames.
    public var targeted = ByteBuffer()
    /// One outcome for each `sent` of the batch, in order of position.
    public var outcomes: [Outcome] = []

    /// A plan that orders nothing.
    init() {
        first = .zero
        last = .zero
        run = FrameRun(start: 0)
    }

    /// Forgets the content and keeps the storage, where nobody else holds it, for the batch after `position`.
    mutating func begin(after position: Position, streamOffset: UInt64) {
        first = position.next
        last = position
        run.begin(at: streamOffset)
        exceptions.removeAll(keepingCapacity: true)
        targeted.clear()
        outcomes.removeAll(keepingCapacity: true)
    }
}
