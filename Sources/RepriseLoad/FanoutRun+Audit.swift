/// Clients whose stream differs, or that fall too far behind to be compared, are read on their own; and clients that
/// are lost.
extension FanoutRun {
    /// Reads a client that differs on its own.
    mutating func audit(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        guard let audit = clients[index].audit else { return .consumed(bytes.count) }
        switch ServerFrame.read(bytes) {
        case .incomplete:
            return .needMore
        case .refused(let reason):
            audit.breakOff(reason)
            return .consumed(bytes.count)
        case .head(let frame):
            if let step = takeOwn(index, bytes, frame) { return step }
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
    mutating func startAudit(_ index: Int, _ cause: StreamAudit.Cause) {
        let place = clients[index].place
        let compared = reference.copy(ledger.start(ofPlace: place)..<clients[index].offset)
        clients[index].audit = StreamAudit(text: text, next: ledger.nextSequences(atPlace: place), cause: cause)
        clients[index].state = .audited
        clients[index].pending = compared + clients[index].pending
        audited.append(index)
        removeMember(index)
    }

    /// Lets the slowest go their own way when the ring would overrun them.
    mutating func makeRoom(_ byteCount: Int) {
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
    mutating func end(_ index: Int, _ reason: String) throws(LoadError) {
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
