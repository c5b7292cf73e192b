/// Where a replay first differs from what was recorded.
public struct Divergence: Equatable, Sendable {
    /// The position.
    public var position: Position
    /// What differs, with both sides.
    public var reason: String

    /// Makes a divergence.
    public init(position: Position, reason: String) {
        self.position = position
        self.reason = reason
    }
}

/// What the replay of one session found.
public struct ReplayReport: Equatable, Sendable {
    /// The session.
    public var session: SessionID
    /// The first position that was replayed: that of `sessionStarted`, unless a later start was asked for, or the
    /// beginning was trimmed away.
    public var first: Position
    /// Events at the beginning of the session that were trimmed away. The digests go on from those at the cut.
    public var trimmedEvents: UInt64 = 0
    /// The last position that was replayed.
    public var last: Position
    /// The replayed events by kind.
    public var counts: Engine.Counts
    /// Bytes of their records.
    public var recordBytes: UInt64
    /// Recipients of the deliveries that the replayed events ordered.
    public var deliveries: UInt64
    /// `D` at the end.
    public var digest: UInt64
    /// `M` at the end.
    public var memberSet: UInt64
    /// Checkpoints that were compared and agreed.
    public var checkpointsVerified: Int
    /// The first difference, if there is one.
    public var divergence: Divergence?
}
