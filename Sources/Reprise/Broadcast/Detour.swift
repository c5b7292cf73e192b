// Where a connection is that the ring has left behind: on its way around what was given up.
//
//      positions   ────[next]┄┄┄┄┄┄┄┄┄┄┄[anchor]═══════[performed]
//                  begun or read         ┄ from the log, or skipped      ═ in the ring
//
// On either way the ring keeps nothing for a connection that does not read: the anchor is set only while the last
// stretch before it is read and sent.

internal import NIOCore

/// How one connection gets from where the ring left it to where the ring is.
struct Detour: Sendable {
    /// What is done about the deliveries that the ring gave up.
    enum Way: Equatable, Sendable {
        /// They are made again from the log.
        case log
        /// They are passed over.
        case skip
    }

    /// A place in the ring where the connection will go on.
    struct Anchor: Sendable {
        /// The last position before it.
        var position: Position
        /// The ring's offset after that position.
        var offset: UInt64
        /// Frames for this connection alone behind it.
        var inserts: [Outbox.Insert] = []
    }

    /// What is done about the deliveries.
    let way: Way
    /// The first position whose deliveries have neither begun to leave nor been read.
    var next: Position
    /// What was read from the log and has not left. Its offsets are its own.
    var stream = FrameRing()
    /// Whether a stretch is being read.
    var isReading = false
    /// Where the ring takes over.
    var anchor: Anchor?
    /// The last position of a frame for this connection alone that was not kept.
    private var passed: Position

    /// A detour from `next` on.
    ///
    /// - Parameter passed: the last position of a frame for this connection alone that waited when the ring was left.
    init(_ way: Way, next: Position, passed: Position) {
        self.way = way
        self.next = next
        self.passed = passed
    }

    /// A frame for this connection alone is performed. It is kept where the ring takes over before it; otherwise it is
    /// in the log, or skipped.
    mutating func pass(_ frame: ByteBuffer, at position: Position, offset: UInt64) {
        switch way {
        case .log:
            guard anchor != nil else { return }
            anchor?.inserts.append(
                Outbox.Insert(offset: offset, bytes: ByteBuffer(copying: frame), purpose: .delivery(position)))
        case .skip:
            passed = position
        }
    }

    /// What is skipped if the detour ends now: everything from `next` to the last delivery; `nil` where there is none.
    ///
    /// - Parameter broadcast: the last position that was broadcast.
    func skipped(through broadcast: Position) -> ClosedRange<Position>? {
        let last = max(broadcast, passed)
        return way == .skip && next <= last ? next...last : nil
    }

    /// What is kept for the connection costs at most this in memory, bytes.
    var memoryBytes: Int {
        (anchor?.inserts ?? []).reduce(stream.memoryBytes) {
            $0 + 2 * $1.bytes.readableBytes + Outbox.insertOverheadBytes
        }
    }
}
