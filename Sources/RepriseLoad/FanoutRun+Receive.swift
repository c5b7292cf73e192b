/// Receiving: the hot path is ``take(_:_:)`` when the bytes are the ones that somebody else has had; all else is the
/// exception. `unsafe` here lends the shared buffer as a span for the time between two reads.
extension FanoutRun {
    /// What one look at a client's bytes came to.
    enum Step {
        /// So many bytes are dealt with.
        case consumed(Int)
        /// The rest cannot be judged yet.
        case needMore
        /// The client's state changed: look at the same bytes again.
        case again
        /// So many bytes are dealt with, and what comes before the rest was put into `pending`.
        case stop(consumed: Int)
    }

    /// Reads what a client has received, until there is nothing more.
    @inline(__always)
    mutating func read(_ index: Int, isEnding: Bool) throws(LoadError) {
        while true {
            switch buffer.receive(clients[index].descriptor) {
            case .bytes(let count):
                let lent = unsafe UnsafeBufferPointer(rebasing: buffer.pointer[..<count])
                let bytes = unsafe Span(_unsafeElements: lent)
                if target.isSecure { try takeSealed(index, bytes) } else { try take(index, bytes) }
                guard isEnding || count == buffer.capacity, clients[index].descriptor >= 0 else { return }
            case .wouldBlock:
                return
            case .ended:
                return try end(index, "it ended the connection without a Close frame")
            case .failed(let code):
                return try end(index, "the connection failed: \(SystemCall.errorText(code))")
            }
        }
    }

    @inline(__always)
    private mutating func take(_ index: Int, _ bytes: Span<UInt8>) throws(LoadError) {
        let count = bytes.count
        let offset = clients[index].offset
        if clients[index].state == .following, clients[index].pending.isEmpty, offset &+ count <= reference.end,
            offset >= reference.start, reference.matches(bytes, at: offset)
        {
            advance(index, to: offset &+ count)
        } else if clients[index].state == .upgrading {
            try takeAnswer(index, bytes)
        } else {
            takeSlowly(index, bytes)
        }
    }

    /// Opens what came through TLS, lets TLS answer, and takes what was inside.
    private mutating func takeSealed(_ index: Int, _ sealed: Span<UInt8>) throws(LoadError) {
        guard let tls = clients[index].tls else { return }
        let opened: [UInt8]
        do { opened = try tls.open(sealed) } catch { return try end(index, "TLS failed: \(error)") }
        clients[index].queueTLSOutput()
        flush(index)
        if !opened.isEmpty { try take(index, opened.span) }
    }

    /// Notes that a client has the common stream up to `offset`.
    @inline(__always)
    private mutating func advance(_ index: Int, to offset: Int) {
        clients[index].offset = offset
        let old = clients[index].place
        let place = ledger.places(before: offset, from: old)
        guard place != old else { return }
        clients[index].place = place
        deliveries &+= place &- old
        guard clients[index].isMember else {
            guard place >= finished else { return }
            clients[index].isMember = true
            return progress.join(at: place)
        }
        reads &+= 1
        if reads & (Self.sampleInterval &- 1) == 0 { sample(old..<place) }
        progress.move(from: old, to: place)
        if progress.finished != finished { finishMessages() }
    }

    /// Records one of these deliveries for all of them.
    private mutating func sample(_ places: Range<Int>) {
        let place = places.lowerBound + Int(random.next() % UInt64(places.count))
        let start = ledger.startTime(ofNumber: ledger.number(atPlace: place))
        guard start >= measureFrom, start < measureTo else { return }
        deliveryLatency.record(SystemCall.now() - start, times: places.count)
    }

    /// Records the messages that every member has now.
    mutating func finishMessages() {
        guard progress.finished > finished else { return }
        let now = SystemCall.now()
        for place in finished..<progress.finished {
            let start = ledger.startTime(ofNumber: ledger.number(atPlace: place))
            if start >= measureFrom, start < measureTo { messageLatency.record(now - start) }
        }
        finished = progress.finished
    }

    /// Bytes that are not simply the next of the known stream.
    private mutating func takeSlowly(_ index: Int, _ bytes: Span<UInt8>) {
        if clients[index].pending.isEmpty {
            let consumed = examine(index, bytes)
            let mustLook = !clients[index].pending.isEmpty
            clients[index].pending.append(contentsOf: bytes, from: consumed)
            if mustLook { takePending(index) }
        } else {
            clients[index].pending.append(contentsOf: bytes, from: 0)
            takePending(index)
        }
    }

    /// Looks at the bytes that were kept.
    mutating func takePending(_ index: Int) {
        while true {
            var kept: [UInt8] = []
            swap(&kept, &clients[index].pending)
            let consumed = examine(index, kept.span)
            kept.removeFirst(consumed)
            if clients[index].pending.isEmpty {
                clients[index].pending = kept
                return
            }
            clients[index].pending += kept
        }
    }

    /// Deals with as many of the bytes as can be judged and returns how many.
    private mutating func examine(_ index: Int, _ bytes: Span<UInt8>) -> Int {
        var consumed = 0
        while consumed < bytes.count {
            let rest = bytes.extracting(consumed...)
            let step: Step =
                switch clients[index].state {
                case .following: follow(index, rest)
                case .joining: align(index, rest)
                case .audited: audit(index, rest)
                case .idle, .connecting, .upgrading, .stalled, .lost: .consumed(rest.count)
                }
            switch step {
            case .consumed(let count): consumed += count
            case .needMore: return consumed
            case .again: continue
            case .stop(let count): return consumed + count
            }
        }
        return consumed
    }

    /// Compares with the common stream, and lengthens it when this client is the first.
    private mutating func follow(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        let offset = clients[index].offset
        guard offset >= reference.start else {
            lose(index, "it joined too late to be compared")
            return .again
        }
        let known = min(reference.end - offset, bytes.count)
        guard known > 0 else { return lengthen(index, bytes) }
        let head = bytes.extracting(..<known)
        if reference.matches(head, at: offset) {
            advance(index, to: offset + known)
            return .consumed(known)
        }
        let same = reference.matchingCount(head, at: offset)
        advance(index, to: offset + same)
        return stepBack(index, from: offset, same: same) ?? differ(index, bytes)
    }

    /// Puts a client back to the start of the frame in which its bytes begin to differ.
    ///
    /// - Returns: nil if it stands there already.
    private mutating func stepBack(_ index: Int, from offset: Int, same: Int) -> Step? {
        let start = ledger.start(ofPlace: clients[index].place)
        guard start >= reference.start else {
            lose(index, "it joined too late to be compared")
            return .again
        }
        clients[index].offset = start
        if start == offset { return nil }
        if start > offset { return .consumed(start - offset) }
        // The frame began in an earlier read: its bytes are the reference's, for they matched.
        clients[index].pending = reference.copy(start..<(offset + same))
        return .stop(consumed: same)
    }

    /// Judges a frame, from its first byte on, that is not the common stream's next.
    private mutating func differ(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        switch ServerFrame.read(bytes) {
        case .incomplete: return .needMore
        case .head(let frame):
            if let step = takeOwn(index, bytes, frame) { return step }
        case .refused: break
        }
        startAudit(index, .differed)
        return .again
    }

    /// Appends this client's next frame to the common stream, once it is whole and proved right.
    private mutating func lengthen(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        guard case .head(let frame) = ServerFrame.read(bytes) else {
            if case .incomplete = ServerFrame.read(bytes) { return .needMore }
            startAudit(index, .differed)
            return .again
        }
        if let step = takeOwn(index, bytes, frame) { return step }
        if frame.payloadBytes == text.payloadBytes, frame.opcode == MaskedFrame.Opcode.text {
            guard bytes.count >= frame.byteCount else { return .needMore }
            if let number = text.number(of: bytes.extracting(frame.headBytes..<frame.byteCount)) {
                makeRoom(frame.byteCount)
                if ledger.order(number, end: reference.end + frame.byteCount) == .inOrder {
                    reference.append(bytes.extracting(..<frame.byteCount))
                    advance(index, to: reference.end)
                    return .consumed(frame.byteCount)
                }
            }
        }
        startAudit(index, .differed)
        return .again
    }
}

extension [UInt8] {
    /// Appends a span's bytes from a position on.
    mutating func append(contentsOf bytes: Span<UInt8>, from start: Int) {
        guard start < bytes.count else { return }
        unsafe bytes.extracting(start...).withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
