// A checkpoint says what the digests were at a position; replay recomputes and compares them.

internal import NIOCore

/// Digests and counts at a position, and what had left by then.
public struct Checkpoint: Equatable, Sendable {
    /// How far one connection that was behind had been sent.
    public struct Behind: Equatable, Sendable {
        /// The connection.
        public var connection: ConnectionID
        /// Everything addressed to it at or before this position had left, but for what a `skipped` in the log names.
        public var deliveredThrough: Position

        /// Makes an entry.
        public init(connection: ConnectionID, deliveredThrough: Position) {
            self.connection = connection
            self.deliveredThrough = deliveredThrough
        }
    }

    /// How long one transaction took.
    public struct CommitTime: Equatable, Sendable {
        /// The last position that the transaction wrote.
        public var last: Position
        /// From the first record to the end of the commit, its sync included.
        public var nanoseconds: UInt64

        /// Makes an entry.
        public init(last: Position, nanoseconds: UInt64) {
            self.last = last
            self.nanoseconds = nanoseconds
        }
    }

    /// What the server saw by the time at which the checkpoint was written. Not compared by replay: it depends on timing.
    public struct Observation: Equatable, Sendable {
        /// Every shard had performed every plan up to this position.
        public var performedThrough: Position
        /// The connections that were behind, in order of id.
        public var behind: [Behind]
        /// Whether `behind` was cut off at `behindCountMax`: of a connection that it does not list, nothing is known.
        public var isTruncated: Bool
        /// The slowest commit since the checkpoint before; `nil` where nobody measured.
        public var slowestCommit: CommitTime?

        /// The most connections that one checkpoint lists.
        public static let behindCountMax = 1024

        /// Makes an observation.
        public init(
            performedThrough: Position, behind: [Behind] = [], isTruncated: Bool = false,
            slowestCommit: CommitTime? = nil
        ) {
            self.performedThrough = performedThrough
            self.behind = behind
            self.isTruncated = isTruncated
            self.slowestCommit = slowestCommit
        }
    }

    /// The position that the digests speak of.
    public var position: Position
    /// `D` after the position.
    public var digest: UInt64
    /// `M` after the position.
    public var memberSet: UInt64
    /// Live connections after the position.
    public var liveCount: UInt64
    /// Events since `sessionStarted`.
    public var events: UInt64
    /// Recipients of deliveries since `sessionStarted`.
    public var deliveries: UInt64
    /// What had left.
    public var observation = Observation(performedThrough: .zero)

    /// Whether replay's state agrees: everything but the observation.
    public func agrees(with other: Checkpoint) -> Bool {
        var mine = self
        mine.observation = other.observation
        return mine == other
    }
}

extension Checkpoint {
    /// Shape, little-endian: `digest u64 · memberSet u64 · liveCount u64 · events u64 · deliveries u64 ·
    /// performedThrough u64 · truncated u8 · behind LEB128 · each id and deliveredThrough u64 · slowestCommit's last u64
    /// and nanoseconds u64, both left out where there is none`. The key is the position.
    func encoded() -> ByteBuffer {
        var buffer = ByteBuffer()
        for word in [digest, memberSet, liveCount, events, deliveries, observation.performedThrough.rawValue] {
            buffer.writeInteger(word, endianness: .little)
        }
        buffer.writeInteger((observation.isTruncated ? 1 : 0) as UInt8)
        buffer.writeLength(observation.behind.count)
        for behind in observation.behind {
            buffer.writeToken(behind.connection.token)
            buffer.writeInteger(behind.deliveredThrough.rawValue, endianness: .little)
        }
        if let commit = observation.slowestCommit {
            buffer.writeInteger(commit.last.rawValue, endianness: .little)
            buffer.writeInteger(commit.nanoseconds, endianness: .little)
        }
        return buffer
    }

    init(decoding fields: inout RecordFields, at position: Position) throws(RecordDamage) {
        self.position = position
        digest = try fields.integer("digest")
        memberSet = try fields.integer("memberSet")
        liveCount = try fields.integer("liveCount")
        events = try fields.integer("events")
        deliveries = try fields.integer("deliveries")
        observation.performedThrough = Position(try fields.integer("performedThrough"))
        observation.isTruncated = try fields.byte("truncated") != 0
        for _ in 0..<(try fields.length("behind")) {
            let connection = ConnectionID(token: try fields.token("connection"))
            let deliveredThrough = Position(try fields.integer("deliveredThrough"))
            observation.behind.append(Behind(connection: connection, deliveredThrough: deliveredThrough))
        }
        guard fields.remaining > 0 else { return }
        observation.slowestCommit = CommitTime(
            last: Position(try fields.integer("slowestCommit")),
            nanoseconds: try fields.integer("slowestCommit's nanoseconds"))
    }
}
