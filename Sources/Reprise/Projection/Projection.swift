// Who is live. A pure fold over the log: no I/O, no clock, and no hash order in any result.

/// The live connection set at a position.
public struct Projection: Equatable, Sendable {
    /// One live connection.
    public struct Member: Equatable, Sendable {
        /// The connection.
        public var connection: ConnectionID
        /// The position of its `connected`.
        public var connectedAt: Position
        /// XXH64 of the id's 16 characters, the connection's share of the member set digest.
        public var hash: UInt64
    }

    /// The last event that was folded in.
    public private(set) var position: Position
    private var members: [ConnectionID: Member]
    /// `M`: the sum, modulo 2⁶⁴, of the members' hashes.
    public private(set) var memberSet: UInt64

    /// Nobody, before the first event.
    public init(position: Position = .zero) {
        self.position = position
        members = [:]
        memberSet = 0
    }

    /// How many connections are live.
    public var count: Int { members.count }

    /// The member with this id, if it is live.
    public subscript(connection: ConnectionID) -> Member? { members[connection] }

    /// Every member in order of connection. Complexity: O(n log n).
    public var inOrder: [Member] {
        members.values.sorted { $0.connectedAt < $1.connectedAt }
    }

    /// Adds a connection. An id that is live already stays as it is: the log is checked for that elsewhere.
    ///
    /// - Returns: whether it was added.
    @discardableResult
    mutating func open(_ connection: ConnectionID, at position: Position) -> Bool {
        guard members[connection] == nil else { return false }
        let hash = XXH64.hash(connection.token.ascii)
        members[connection] = Member(connection: connection, connectedAt: position, hash: hash)
        memberSet &+= hash
        return true
    }

    /// Removes a connection.
    ///
    /// - Returns: whether it was live.
    @discardableResult
    mutating func close(_ connection: ConnectionID) -> Bool {
        guard let member = members.removeValue(forKey: connection) else { return false }
        memberSet &-= member.hash
        return true
    }

    /// Notes that everything up to `position` is folded in.
    mutating func advance(to position: Position) { self.position = position }
}
