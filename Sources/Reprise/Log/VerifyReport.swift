/// What `log verify` found in a log without damage.
public struct VerifyReport: Equatable, Sendable {
    /// The first position, if the log holds any event.
    public var first: Position?
    /// The last position that was verified: the end of the log when the walk began.
    public var last: Position = .zero
    /// Events whose chain hash and order were checked.
    public var events: UInt64 = 0
    /// Sessions, each compared with its entry of the catalogue.
    public var sessions = 0
    /// Connections, each compared with its entry of the `connections` table.
    public var connections = 0
    /// Connections without a close: those of a session that runs, or that crashed and waits for recovery.
    public var openConnections = 0
    /// Checkpoints whose seal, member set, live count and number of events were checked. Their digest of deliveries
    /// is for `replay` to check.
    public var checkpoints = 0
    /// Snapshots that equal the projection at their position.
    public var snapshots = 0

    /// Nothing yet.
    public init() {}
}
