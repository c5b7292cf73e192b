// What comes next, and what became of it.

public import NIOCore

extension Outbox {
    /// The most bytes that are handed to the channel. They only make it wait. One byte has left or it has not: of several,
    /// nobody would know how many the kernel had when the socket broke, nor which deliveries were whole.
    public static let channelBytesMax = 1

    /// Whether there is something to send now.
    public func hasOutput(head: UInt64) -> Bool {
        switch phase {
        case .behind: !inserts.isEmpty || cursor < streamHead(head)
        case .frozen: !inserts.isEmpty
        case .pending, .idle, .finished: false
        }
    }

    /// Appends the bytes that come next, at most `limit`, to `buffer`.
    public func copyStretch(from ring: FrameRing, limit: Int, into buffer: inout ByteBuffer) {
        let stream = stream(ring)
        var room = limit
        var offset = cursor
        var taken = insertBytesTaken
        for insert in inserts {
            if phase == .behind, insert.offset > offset {
                let count = min(room, Int(insert.offset - offset))
                stream.copy(from: offset, limit: count, into: &buffer)
                room -= count
                offset += UInt64(count)
            }
            guard room > 0 else { return }
            let count = min(room, insert.bytes.readableBytes - taken)
            buffer.writeBytes(insert.bytes.readableBytesSpan.extracting(taken..<taken + count))
            room -= count
            taken = 0
        }
        if phase == .behind, room > 0, offset < stream.head {
            stream.copy(from: offset, limit: room, into: &buffer)
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
        let head = streamHead(head)
        var rest = byteCount
        while rest > 0 {
            if isInsertDue {
                let open = inserts[0].bytes.readableBytes - insertBytesTaken
                let count = min(rest, open)
                insertBytesTaken += count
                insertBytes -= count
                rest -= count
                if inserts[0].purpose.counts { bytesTaken += UInt64(count) }
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
        restIfDone(head: head)
    }

    /// Appends what to hand to the channel so that it waits for the socket: the beginning of what comes next, within
    /// one insert or one part of the stream.
    ///
    /// - Precondition: `hasOutput`, and nothing was handed over that has not left.
    public mutating func handToChannel(
        from ring: FrameRing, limit: Int = Outbox.channelBytesMax, into buffer: inout ByteBuffer
    ) {
        precondition(channelBytes == 0, "\(channelBytes) bytes are with the channel already")
        let before = buffer.readableBytes
        var room = limit
        if isInsertDue {
            room = min(room, inserts[0].bytes.readableBytes - insertBytesTaken)
        } else if let next = inserts.first {
            room = min(room, Int(next.offset - cursor))
        }
        copyStretch(from: ring, limit: room, into: &buffer)
        channelBytes = buffer.readableBytes - before
        precondition(channelBytes > 0, "nothing to hand to the channel")
    }

    /// The bytes that come next, `byteCount` of the stream, are with the channel: they were a part of a run that was offered
    /// to an idle connection.
    ///
    /// - Precondition: nothing was handed over that has not left, and no insert is due.
    public mutating func handedToChannel(_ byteCount: Int) {
        precondition(channelBytes == 0 && !isInsertDue, "\(channelBytes) bytes are with the channel already")
        channelBytes = byteCount
    }

    /// The channel's bytes have left.
    public mutating func channelFlushed(head: UInt64) {
        let count = channelBytes
        channelBytes = 0
        if phase != .finished { took(count, head: head) }
    }

    // MARK: Inside

    /// The end of what the cursor points into.
    private func streamHead(_ ringHead: UInt64) -> UInt64 { detours.first?.stream.head ?? ringHead }

    /// Becomes idle when everything has left. A detour ends in `advance` alone.
    mutating func restIfDone(head: UInt64) {
        if phase == .behind, !isOnDetour, inserts.isEmpty, cursor == head { phase = .idle }
    }

    private mutating func insertHasLeft() {
        let left = inserts.removeFirst()
        insertBytesTaken = 0
        if inserts.isEmpty { inserts = [] }  // give the storage back: an idle connection holds none
        guard phase == .frozen else { return }
        if let position = left.purpose.position { frozenThrough = max(frozenThrough, position) }
        if left.purpose == .close { closeHasLeft = true }
    }
}
