// What one connection still has to be sent, and how far it got. A connection owns no queue of broadcasts: it owns a
// cursor into the stream. The struct decides; a shard, or the simulator, executes.
//
//      stream    ───────────[cursor]═════════════[head]      ═ still to be sent, from the ring
//      inserts            ▲ at the cursor   ▲ further on      frames for this connection alone, and control output
//
// Bytes go out in this order: inserts that are due at the cursor, then the stream up to the next insert, and so on.
// Every insert lies on a boundary between deliveries. A connection whose next bytes the ring gives up leaves it on a
// `Detour`, with a stream of its own.

public import NIOCore

/// One connection's cursor and write state.
///
/// Owner: the connection's event loop. Members are internal for the extensions beside this file alone.
public struct Outbox: Sendable {
    /// Where a connection stands.
    public enum Phase: Equatable, Sendable {
        /// Not in the log yet: nothing may be sent.
        case pending
        /// Everything up to the head has left. Each run is taken whole as it comes, and nothing is noted: what was
        /// taken follows from the head.
        case idle
        /// The cursor is before the head, or inserts wait, or the outbox is on a detour.
        case behind
        /// The end was decided: only what completes the frame in flight, and the Close, are still sent.
        case frozen
        /// Nothing is sent any more.
        case finished
    }

    /// What an insert is.
    public enum Purpose: Equatable, Sendable {
        /// The 101 response.
        case handshake
        /// The frame of a delivery to this connection alone.
        case delivery(Position)
        /// The rest of a delivery that was in flight when the stream was left.
        case rest(Position)
        /// The answer to the latest ping.
        case pong
        /// A ping of ours. Nothing of it counts as sent.
        case ping
        /// The error frame for a message that the log refused.
        case refusal
        /// The Close frame.
        case close

        /// The position that ordered it; `nil` for what the log knows nothing of.
        var position: Position? {
            switch self {
            case .delivery(let position), .rest(let position): position
            case .handshake, .pong, .ping, .refusal, .close: nil
            }
        }

        /// Whether its bytes count as sent: what the log says of them is the same with pings and without.
        var counts: Bool { self != .handshake && self != .ping }

        /// Whether it is never dropped while the socket lives, even if nothing of the insert itself has left.
        var mustBeCompleted: Bool {
            switch self {
            case .handshake, .rest: true
            case .delivery, .pong, .ping, .refusal, .close: false
            }
        }
    }

    struct Insert: Sendable {
        var offset: UInt64
        var bytes: ByteBuffer
        var purpose: Purpose
    }

    /// Where the connection stands.
    public internal(set) var phase: Phase = .pending
    /// Bytes of frames that the kernel took before the cursor, control frames included, the handshake and pings of ours not.
    var bytesTaken: UInt64 = 0
    /// Bytes that were handed to the channel so that it waits for the socket to become writable; 0 when there are none.
    public internal(set) var channelBytes = 0
    /// Bytes of inserts that wait.
    public internal(set) var insertBytes = 0
    /// Whether the Close frame has left in full.
    public internal(set) var closeHasLeft = false
    /// The next stream byte to be sent; while idle, the head of the stream when the connection became it.
    var cursor: UInt64 = 0
    var inserts: [Insert] = []
    /// Bytes of the first insert that have left.
    var insertBytesTaken = 0
    var frozenThrough = Position.zero
    /// The detour, if the ring was left: at most one. An array keeps it out of line, for few connections ever have one.
    var detours: [Detour] = []

    /// An outbox of a connection that is not in the log yet.
    public init() {}

    // MARK: Becoming live

    /// The connection is in the log: it gets the handshake, then the stream from `offset` on.
    public mutating func activate(at offset: UInt64, handshake: ByteBuffer) {
        precondition(phase == .pending, "an outbox was activated while \(phase)")
        phase = .behind
        cursor = offset
        insert(handshake, .handshake, at: offset)
    }

    // MARK: Adding output

    /// Adds a frame for this connection alone at its place in the stream. Ignored once the end was decided.
    ///
    /// - Parameters:
    ///   - offset: where in the stream it belongs.
    ///   - served: the stream offset up to which idle connections have been served: the start of the run that is
    ///     being performed.
    public mutating func add(_ frame: ByteBuffer, at position: Position, offset: UInt64, served: UInt64) {
        leaveIdle(head: served)
        guard phase == .behind else { return }
        guard !isOnDetour else { return detours[0].pass(frame, at: position, offset: offset) }
        insert(ByteBuffer(copying: frame), .delivery(position), at: offset)
    }

    /// Adds a pong, a ping or a refusal at the next boundary. One that waits already is replaced: at most one of each is kept.
    public mutating func addControl(_ frame: ByteBuffer, _ purpose: Purpose, ring: FrameRing) {
        leaveIdle(head: ring.head)
        guard phase == .behind else { return }
        let begun = hasBegunInsert ? 1 : 0
        if let waiting = inserts.indices.dropFirst(begun).first(where: { inserts[$0].purpose == purpose }) {
            insertBytes += frame.readableBytes - inserts[waiting].bytes.readableBytes
            inserts[waiting].bytes = frame
            return
        }
        let offset =
            begun == 1 ? cursor : stream(ring).boundary(atOrAfter: cursor + UInt64(channelBytes))
        insert(frame, purpose, at: offset)
    }

    // MARK: Asking

    /// Bytes of frames that the kernel took, control frames included, the handshake and pings of ours not.
    ///
    /// - Parameter head: the stream offset up to which idle connections have been served.
    public func bytesSent(head: UInt64) -> UInt64 {
        phase == .idle ? bytesTaken + (head - cursor) : bytesTaken
    }

    /// Whether bytes of the ring before `offset` are still to be sent.
    public func needsStream(before offset: UInt64) -> Bool {
        streamCursor.map { $0 < offset } ?? false
    }

    /// The oldest byte of the ring that is still to be sent, or `nil` when none is.
    public var streamCursor: UInt64? {
        guard phase == .behind else { return nil }
        return isOnDetour ? detours[0].anchor?.offset : cursor
    }

    /// What is kept for this connection alone costs at most this in memory, bytes: storage is rounded up to a power of
    /// two.
    public var ownMemoryBytes: Int {
        2 * insertBytes + inserts.count * Outbox.insertOverheadBytes + (detours.first?.memoryBytes ?? 0)
    }

    /// What an insert costs beside its bytes: the entry and two headers.
    static let insertOverheadBytes = 160

    /// The storage that waiting inserts keep alive, bytes; for tests.
    var insertStorageBytes: Int { inserts.reduce(0) { $0 + $1.bytes.storageCapacity } }

    /// Everything addressed to the connection at or before this position has left in full, but for what was skipped;
    /// what comes next has not.
    public func deliveredThrough(ring: FrameRing, performedThrough: Position) -> Position {
        switch phase {
        case .pending: return .zero
        case .idle: return performedThrough
        case .frozen, .finished: return frozenThrough
        case .behind: break
        }
        var first = detours.first?.next ?? performedThrough.next
        if let mark = stream(ring).mark(after: cursor) { first = min(first, mark.position) }
        if let position = inserts.lazy.compactMap(\.purpose.position).first { first = min(first, position) }
        return first.previous
    }

    // MARK: Inside

    /// What the cursor points into.
    func stream(_ ring: FrameRing) -> FrameRing { detours.first?.stream ?? ring }

    /// Whether the first insert comes next.
    var isInsertDue: Bool {
        guard let first = inserts.first else { return false }
        return phase == .frozen || first.offset <= cursor
    }

    /// Whether a part of the first insert has left, or is with the channel.
    var hasBegunInsert: Bool { isInsertDue && (insertBytesTaken > 0 || channelBytes > 0) }

    mutating func leaveIdle(head: UInt64) {
        guard phase == .idle else { return }
        phase = .behind
        bytesTaken += head - cursor
        cursor = head
    }

    private mutating func insert(_ bytes: ByteBuffer, _ purpose: Purpose, at offset: UInt64) {
        // Behind everything that is due there already, before what lies further on.
        let index = inserts.lastIndex { $0.offset <= offset }.map { $0 + 1 } ?? 0
        inserts.insert(Insert(offset: offset, bytes: bytes, purpose: purpose), at: index)
        insertBytes += bytes.readableBytes
    }
}

extension ByteBuffer {
    /// A copy: a slice would keep the storage of its whole batch for as long as a client does not read.
    init(copying frame: ByteBuffer) { self.init(bytes: frame.readableBytesView) }
}
