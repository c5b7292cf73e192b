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
                try take(index, count)
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
    private mutating func take(_ index: Int, _ count: Int) throws(LoadError) {
        let lent = unsafe UnsafeBufferPointer(rebasing: buffer.pointer[..<count])
        let bytes = unsafe Span(_unsafeElements: lent)
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
        let isBetweenFrames = ledger.start(ofPlace: clients[index].place) == offset + same
        if isBetweenFrames, same > 0 { return .consumed(same) }
        if isBetweenFrames, bytes[0] & 0x8 != 0 {
            switch ServerFrame.read(bytes) {
            case .head(let frame): return control(index, bytes, frame)
            case .incomplete: return .needMore
            case .refused: break
            }
        }
        startAudit(index, .differed)
        return clients[index].pending.isEmpty ? .again : .stop(consumed: same)
    }

    /// Appends this client's next frame to the common stream, once it is whole and proved right.
    private mutating func lengthen(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        guard case .head(let frame) = ServerFrame.read(bytes) else {
            if case .incomplete = ServerFrame.read(bytes) { return .needMore }
            startAudit(index, .differed)
            return .again
        }
        if frame.isControl { return control(index, bytes, frame) }
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

    /// Frames for this client alone: ping, pong and Close.
    mutating func control(_ index: Int, _ bytes: Span<UInt8>, _ frame: ServerFrame) -> Step {
        guard bytes.count >= frame.byteCount else { return .needMore }
        let payload = bytes.extracting(frame.headBytes..<frame.byteCount)
        if frame.opcode == MaskedFrame.Opcode.ping, frame.payloadBytes < 126 {
            var answer: [UInt8] = []
            answer.append(contentsOf: payload, from: 0)
            let key = UInt32(truncatingIfNeeded: random.next())
            clients[index].queue { bytes in
                MaskedFrame.append(
                    opcode: MaskedFrame.Opcode.pong, key: key, payloadBytes: answer.count, to: &bytes
                ) { $0 += answer }
            }
            flush(index)
        } else if frame.opcode == MaskedFrame.Opcode.close {
            let code = payload.count >= 2 ? Int(payload[0]) << 8 | Int(payload[1]) : 1005
            lose(index, "it sent Close \(code)")
        }
        return .consumed(frame.byteCount)
    }

    /// Reads a client that differs on its own.
    private mutating func audit(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        guard let audit = clients[index].audit else { return .consumed(bytes.count) }
        switch ServerFrame.read(bytes) {
        case .incomplete:
            return .needMore
        case .refused(let reason):
            audit.breakOff(reason)
            return .consumed(bytes.count)
        case .head(let frame):
            if frame.isControl { return control(index, bytes, frame) }
            guard frame.payloadBytes <= 2 * text.payloadBytes + 4096 else {
                audit.breakOff("a frame of \(frame.payloadBytes) bytes")
                return .consumed(bytes.count)
            }
            guard bytes.count >= frame.byteCount else { return .needMore }
            let old = audit.received
            audit.receive(bytes.extracting(frame.headBytes..<frame.byteCount), sent: ledger.sent)
            deliveries += audit.received - old
            return .consumed(frame.byteCount)
        }
    }

    /// Takes a client out of the comparison; the part of its frame that was compared already goes back to `pending`.
    private mutating func startAudit(_ index: Int, _ cause: StreamAudit.Cause) {
        let place = clients[index].place
        let compared = reference.copy(ledger.start(ofPlace: place)..<clients[index].offset)
        clients[index].audit = StreamAudit(text: text, next: ledger.nextSequences(atPlace: place), cause: cause)
        clients[index].state = .audited
        clients[index].pending = compared + clients[index].pending
        audited.append(index)
        removeMember(index)
    }

    /// Lets the slowest go their own way when the ring would overrun them.
    private mutating func makeRoom(_ byteCount: Int) {
        while progress.members > 0 {
            let bytes = reference.end + byteCount - ledger.start(ofPlace: progress.finished)
            guard bytes > reference.capacity || ledger.ordered - progress.finished >= ledger.capacity - 1 else {
                return
            }
            let slowest = progress.finished
            for index in clients.indices where clients[index].isMember && clients[index].place == slowest {
                startAudit(index, .lagged)
            }
        }
    }

    private mutating func removeMember(_ index: Int) {
        guard clients[index].isMember else { return }
        clients[index].isMember = false
        progress.leave(from: clients[index].place)
        finishMessages()
    }

    /// The server ended a connection: an error while opening, else the client is lost.
    private mutating func end(_ index: Int, _ reason: String) throws(LoadError) {
        if clients[index].state == .upgrading {
            return try fail(index, .connectFailed(client: index, reason: reason))
        }
        lose(index, reason)
    }

    /// The server ended this client's connection: a broken rule, except for stalled clients.
    mutating func lose(_ index: Int, _ reason: String) {
        guard clients[index].descriptor >= 0 else { return }
        LoadSocket.close(clients[index].descriptor)
        clients[index].descriptor = -1
        if clients[index].state == .stalled {
            clients[index].state = .lost
            stalledClientsClosed += 1
            return
        }
        clients[index].state = .lost
        removeMember(index)
        lostClients += 1
        findings.add("The server closed client \(index): \(reason).")
        if index < plan.senders { mustStop = true }
    }
}

extension [UInt8] {
    /// Appends a span's bytes from a position on.
    fileprivate mutating func append(contentsOf bytes: Span<UInt8>, from start: Int) {
        guard start < bytes.count else { return }
        unsafe bytes.extracting(start...).withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
