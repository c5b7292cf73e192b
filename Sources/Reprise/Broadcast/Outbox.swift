// What one connection still has to be sent, and how far it got. A connection owns no queue of broadcasts: it owns a
// cursor into the stream. The struct decides; a shard, or the simulator, executes.
//
//      stream    ───────────[cursor]═════════════[head]      ═ still to be sent, from the ring
//      inserts            ▲ at the cursor   ▲ further on      frames for this connection alone, and control output
//
// Bytes go out in this order: inserts that are due at the cursor, then the stream up to the next insert, and so on.
// Every insert lies on a boundary between deliveries.

public import NIOCore

/// One connection's cursor and write state.
///
/// Owner: the connection's event loop.
public struct Outbox: Sendable {
    /// Where a connection stands.
    public enum Phase: Equatable, Sendable {
        /// Not in the log yet: nothing may be sent.
        case pending
        /// Everything up to the head has left. Each run is taken whole as it comes, and nothing is noted: what was
        /// taken follows from the head.
        case idle
        /// The cursor is before the head, or inserts wait.
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
        /// The frame of a delivery to this connection alone, or the rest of one that was in flight.
        case delivery(Position)
        /// The answer to the latest ping.
        case pong
        /// The error frame for a message that the log refused.
        case refusal
        /// The Close frame.
        case close
    }

    private struct Insert: Sendable {
        var offset: UInt64
        var bytes: ByteBuffer
        var purpose: Purpose
    }

    /// Where the connection stands.
    public private(set) var phase: Phase = .pending
    /// Bytes of frames that the kernel took before the cursor, control frames included, the handshake not.
    private var bytesTaken: UInt64 = 0
    /// Bytes that were handed to the channel so that it waits for the socket to become writable; 0 when there are none.
    public private(set) var channelBytes = 0
    /// Bytes of inserts that wait.
    public private(set) var insertBytes = 0
    /// Whether the Close frame has left in full.
    public private(set) var closeHasLeft = false
    /// The next stream byte to be sent; while idle, the head of the stream when the connection became it.
    private var cursor: UInt64 = 0
    private var inserts: [Insert] = []
    /// Bytes of the first insert that have left.
    private var insertBytesTaken = 0
    private var frozenThrough = Position.zero

    /// An outbox of a connection that is not in the log yet.
    public init() {}

    /// The most bytes that are handed to the channel. They only make it wait: a small copy bounds what a stalled
    /// reader costs beyond the ring.
    public static let channelBytesMax = 4096

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
        // A copy: a slice would keep the storage of its whole batch for as long as the client does not read.
        insert(ByteBuffer(bytes: frame.readableBytesView), .delivery(position), at: offset)
    }

    /// Adds a pong or a refusal at the next boundary. One that waits already is replaced: at most one of each is kept.
    public mutating func addControl(_ frame: ByteBuffer, _ purpose: Purpose, ring: FrameRing) {
        leaveIdle(head: ring.head)
        guard phase == .behind else { return }
        let begun = isInsertDue && (insertBytesTaken > 0 || channelBytes > 0) ? 1 : 0
        if let waiting = inserts.indices.dropFirst(begun).first(where: { inserts[$0].purpose == purpose }) {
            insertBytes += frame.readableBytes - inserts[waiting].bytes.readableBytes
            inserts[waiting].bytes = frame
            return
        }
        let streamBytesBegun = begun == 0 ? channelBytes : 0
        let offset = begun == 1 ? cursor : ring.boundary(atOrAfter: cursor + UInt64(streamBytesBegun))
        insert(frame, purpose, at: offset)
    }

    /// The end is decided: the delivery in flight is completed, then the Close is sent, and nothing else.
    ///
    /// - Parameters:
    ///   - close: the Close frame.
    ///   - performedThrough: the last position that the shard has performed.
    /// - Note: from here on the outbox does not need the ring.
    public mutating func freeze(close: ByteBuffer, ring: FrameRing, performedThrough: Position) {
        guard phase == .idle || phase == .behind else { return }
        frozenThrough = deliveredThrough(ring: ring, performedThrough: performedThrough)
        leaveIdle(head: ring.head)
        var kept: [Insert] = []
        if isInsertDue, insertBytesTaken > 0 || channelBytes > 0 || inserts[0].purpose == .handshake {
            kept = [inserts[0]]
        } else {
            // What has begun, delivery by delivery: with the channel there may be several.
            let boundary = ring.boundary(atOrAfter: cursor + UInt64(channelBytes))
            var offset = cursor
            while offset < boundary, let mark = ring.mark(after: offset) {
                var rest = ByteBuffer()
                ring.copy(from: offset, limit: Int(mark.end - offset), into: &rest)
                kept.append(Insert(offset: cursor, bytes: rest, purpose: .delivery(mark.position)))
                offset = mark.end
            }
            insertBytesTaken = 0
        }
        inserts = kept + [Insert(offset: cursor, bytes: close, purpose: .close)]
        insertBytes = inserts.reduce(0) { $0 + $1.bytes.readableBytes } - insertBytesTaken
        phase = .frozen
    }

    /// The socket is gone.
    ///
    /// - Returns: the final `deliveredThrough`.
    @discardableResult
    public mutating func finish(ring: FrameRing, performedThrough: Position) -> Position {
        let through = deliveredThrough(ring: ring, performedThrough: performedThrough)
        frozenThrough = through
        leaveIdle(head: ring.head)
        phase = .finished
        inserts = []
        insertBytes = 0
        return through
    }

    // MARK: Sending

    /// Whether there is something to send now.
    public func hasOutput(head: UInt64) -> Bool {
        switch phase {
        case .behind: !inserts.isEmpty || cursor < head
        case .frozen: !inserts.isEmpty
        case .pending, .idle, .finished: false
        }
    }

    /// Appends the bytes that come next, at most `limit`, to `buffer`.
    public func copyStretch(from ring: FrameRing, limit: Int, into buffer: inout ByteBuffer) {
        var room = limit
        var offset = cursor
        var taken = insertBytesTaken
        for insert in inserts {
            if phase == .behind, insert.offset > offset {
                let count = min(room, Int(insert.offset - offset))
                ring.copy(from: offset, limit: count, into: &buffer)
                room -= count
                offset += UInt64(count)
            }
            guard room > 0 else { return }
            let count = min(room, insert.bytes.readableBytes - taken)
            buffer.writeBytes(insert.bytes.readableBytesSpan.extracting(taken..<taken + count))
            room -= count
            taken = 0
        }
        if phase == .behind, room > 0, offset < ring.head {
            ring.copy(from: offset, limit: room, into: &buffer)
        }
    }

    /// The kernel took only the first `byteCount` bytes of a run that begins at `start`, in the idle phase.
    public mutating func tookPart(of start: UInt64, byteCount: Int) {
        leaveIdle(head: start)
        cursor += UInt64(byteCount)
        bytesTaken += UInt64(byteCount)
    }

    /// The kernel took the first `byteCount` bytes of the stretch.
    public mutating func took(_ byteCount: Int, head: UInt64) {
        var rest = byteCount
        while rest > 0 {
            if isInsertDue {
                let open = inserts[0].bytes.readableBytes - insertBytesTaken
                let count = min(rest, open)
                insertBytesTaken += count
                insertBytes -= count
                rest -= count
                if inserts[0].purpose != .handshake { bytesTaken += UInt64(count) }
                if count == open { insertHasLeft() }
            } else {
                let end = inserts.first?.offset ?? head
                let count = min(rest, Int(end - cursor))
                precondition(count > 0, "the kernel took \(rest) bytes more than there were")
                cursor += UInt64(count)
                bytesTaken += UInt64(count)
                rest -= count
            }
        }
        if phase == .behind, inserts.isEmpty, cursor == head { phase = .idle }
    }

    /// Appends what to hand to the channel so that it waits for the socket: the beginning of what comes next, within
    /// one insert or one part of the stream.
    ///
    /// - Precondition: `hasOutput`, and nothing was handed over that has not left.
    public mutating func handToChannel(from ring: FrameRing, into buffer: inout ByteBuffer) {
        precondition(channelBytes == 0, "\(channelBytes) bytes are with the channel already")
        let before = buffer.readableBytes
        var room = Outbox.channelBytesMax
        if isInsertDue {
            room = min(room, inserts[0].bytes.readableBytes - insertBytesTaken)
        } else if let next = inserts.first {
            room = min(room, Int(next.offset - cursor))
        }
        copyStretch(from: ring, limit: room, into: &buffer)
        channelBytes = buffer.readableBytes - before
        precondition(channelBytes > 0, "nothing to hand to the channel")
    }

    /// The channel's bytes have left.
    public mutating func channelFlushed(head: UInt64) {
        let count = channelBytes
        channelBytes = 0
        if phase != .finished { took(count, head: head) }
    }

    // MARK: Asking

    /// Bytes of frames that the kernel took, control frames included, the handshake not.
    ///
    /// - Parameter head: the stream offset up to which idle connections have been served.
    public func bytesSent(head: UInt64) -> UInt64 {
        phase == .idle ? bytesTaken + (head - cursor) : bytesTaken
    }

    /// Whether bytes of the stream before `offset` are still to be sent.
    public func needsStream(before offset: UInt64) -> Bool {
        phase == .behind && cursor < offset
    }

    /// What waiting inserts cost in memory at most, bytes: storage is rounded up to a power of two.
    public var insertMemoryBytes: Int { 2 * insertBytes + inserts.count * 160 }  // 160: the entry and two headers

    /// The storage that waiting inserts keep alive, bytes; for tests.
    var insertStorageBytes: Int { inserts.reduce(0) { $0 + $1.bytes.storageCapacity } }

    /// The oldest stream byte that is still to be sent, or `nil` when none is.
    public var streamCursor: UInt64? { phase == .behind ? cursor : nil }

    /// Everything addressed to the connection at or before this position has left in full; what comes next has not.
    public func deliveredThrough(ring: FrameRing, performedThrough: Position) -> Position {
        switch phase {
        case .pending: return .zero
        case .idle: return performedThrough
        case .frozen, .finished: return frozenThrough
        case .behind: break
        }
        var first = performedThrough.next
        if let mark = ring.mark(after: cursor) { first = min(first, mark.position) }
        for insert in inserts {
            if case .delivery(let position) = insert.purpose {
                first = min(first, position)
                break
            }
        }
        return first.previous
    }

    // MARK: Inside

    private var isInsertDue: Bool {
        guard let first = inserts.first else { return false }
        return phase == .frozen || first.offset <= cursor
    }

    private mutating func leaveIdle(head: UInt64) {
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

    private mutating func insertHasLeft() {
        let left = inserts.removeFirst()
        insertBytesTaken = 0
        if inserts.isEmpty { inserts = [] }  // give the storage back: an idle connection holds none
        guard phase == .frozen else { return }
        switch left.purpose {
        case .delivery(let position): frozenThrough = max(frozenThrough, position)
        case .close: closeHasLeft = true
        case .handshake, .pong, .refusal: break
        }
    }
}
