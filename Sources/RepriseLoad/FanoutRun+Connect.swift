/// Opening connections: several hundred at a time, each with its upgrade; and the coming and going during a run.
extension FanoutRun {
    /// Nanoseconds between the last upgrade and the first message, for servers that register a client after its 101.
    private static let settleNanoseconds = 100_000_000

    /// Opens all clients and returns when every upgrade has been answered.
    mutating func connectAll(_ report: (FanoutProgress) -> Void) throws(LoadError) {
        residentBefore = plan.serverPID.flatMap { ProcessUsage.of(process: $0)?.residentBytes }
        startedAt = SystemCall.now()
        tick = Tick(time: startedAt, movedAt: startedAt)
        var opened = 0
        var seen = 0
        while connected < clients.count {
            while opened < clients.count, opened - connected < plan.connectsInFlightMax {
                try open(opened)
                opened += 1
            }
            try turn(nanoseconds: 50_000_000)
            let now = SystemCall.now()
            if connected > seen {
                seen = connected
                tick.movedAt = now
            }
            if now - tick.time >= 1_000_000_000 { report(snapshot(now)) }
            guard Double(now - tick.movedAt) <= plan.progressTimeoutSeconds * 1e9 else {
                throw .noConnect(seconds: plan.progressTimeoutSeconds)
            }
        }
        connectSeconds = Double(SystemCall.now() - startedAt) / 1e9
    }

    /// Lets the server come to rest before the first message.
    mutating func settle() throws(LoadError) {
        let end = SystemCall.now() + Self.settleNanoseconds
        while SystemCall.now() < end { try turn(nanoseconds: 10_000_000) }
        residentConnected = plan.serverPID.flatMap { ProcessUsage.of(process: $0)?.residentBytes }
    }

    /// Starts one client's connect.
    mutating func open(_ index: Int) throws(LoadError) {
        let descriptor = try LoadSocket.connect(to: target, source: target.source(ofClient: index))
        clients[index].descriptor = descriptor
        clients[index].state = .connecting
        try epoll.add(descriptor, token: index)
    }

    /// The TCP connect is over: sends the request.
    mutating func finishConnect(_ index: Int) throws(LoadError) {
        let code = LoadSocket.connectError(clients[index].descriptor)
        guard code == 0 else {
            return try fail(index, .connectFailed(client: index, reason: SystemCall.errorText(code)))
        }
        let handshake = UpgradeHandshake(random: &random)
        let request = handshake.request(for: target)
        clients[index].handshake = handshake
        clients[index].tls = try tls?.makeSession()
        clients[index].state = .upgrading
        clients[index].queue { $0 += request }
        flush(index)
    }

    /// Judges the answer's head; the bytes behind it are the stream's first.
    mutating func takeAnswer(_ index: Int, _ bytes: Span<UInt8>) throws(LoadError) {
        for position in bytes.indices { clients[index].pending.append(bytes[position]) }
        guard let handshake = clients[index].handshake else { return }
        switch handshake.judge(clients[index].pending) {
        case .incomplete:
            return
        case .refused(let status, let reason):
            try fail(index, .upgradeRefused(client: index, status: status, reason: reason))
        case .accepted(let headBytes):
            clients[index].handshake = nil
            clients[index].pending.removeFirst(headBytes)
            connected += 1
            start(index)
        }
    }

    /// The connection is open: gives it its place, or lets it find it.
    private mutating func start(_ index: Int) {
        clients[index].joinedAt = SystemCall.now()
        if index >= plan.receivers {
            clients[index].state = .stalled
        } else if phase == .connect {
            clients[index].state = .following
            clients[index].isMember = true
            progress.join(at: 0)
            if !clients[index].pending.isEmpty { takePending(index) }
        } else {
            clients[index].state = .joining
            if !clients[index].pending.isEmpty { takePending(index) }
        }
    }

    /// A connection that could not be opened ends the run before its start, and is a broken rule during it.
    mutating func fail(_ index: Int, _ error: LoadError) throws(LoadError) {
        if phase == .connect { throw error }
        findings.add("\(error).")
        lostClients += 1
        connected += 1
        LoadSocket.close(clients[index].descriptor)
        clients[index].descriptor = -1
        clients[index].state = .lost
        clients[index].firstPlace = ledger.ordered
        clients[index].place = ledger.ordered
    }

    /// Lets the clients leave, and new ones come, that are due.
    mutating func churn(_ now: Int) throws(LoadError) {
        while now >= nextChurnAt {
            nextChurnAt += Int(1e9 / plan.churnPerSecond)
            var tries = plan.receivers
            repeat {
                churnVictim = churnVictim + 1 < plan.receivers ? churnVictim + 1 : plan.senders
                tries -= 1
            } while tries > 0 && !(clients[churnVictim].state == .following && clients[churnVictim].isMember)
            guard tries > 0 else { return }
            leave(churnVictim)
            try open(churnVictim)
        }
    }

    /// Closes one client in good order; what it has received is all that it had to.
    private mutating func leave(_ index: Int) {
        let key = UInt32(truncatingIfNeeded: random.next())
        clients[index].queue { MaskedFrame.appendClose(code: 1000, key: key, to: &$0) }
        flush(index)
        guard clients[index].state == .following else { return }
        departedDeliveries += clients[index].received
        progress.leave(from: clients[index].place)
        LoadSocket.close(clients[index].descriptor)
        clients[index] = LoadClient()
        connected -= 1
        churnedClients += 1
        finishMessages()
    }

    /// Aligns a client that joined: finds its first message in the common stream.
    ///
    /// The first message may be one that all others have had for a while (the client then catches up before it is
    /// counted), or one that nobody else has had yet (it waits).
    mutating func align(_ index: Int, _ bytes: Span<UInt8>) -> Step {
        guard case .head(let frame) = ServerFrame.read(bytes) else {
            if case .refused(let reason) = ServerFrame.read(bytes) { return strand(index, reason) }
            return .needMore
        }
        if let step = takeOwn(index, bytes, frame) { return step }
        guard frame.payloadBytes == text.payloadBytes else {
            return strand(index, "its first frame has \(frame.payloadBytes) bytes")
        }
        guard bytes.count >= frame.byteCount else { return .needMore }
        guard let number = text.number(of: bytes.extracting(frame.headBytes..<frame.byteCount)), number < ledger.sent
        else { return strand(index, "its first frame is no message of this run") }
        guard let place = ledger.place(ofNumber: number), ledger.start(ofPlace: place) >= reference.start else {
            if !waitingJoiners.contains(index) { waitingJoiners.append(index) }
            return .needMore
        }
        if place > 0, ledger.ordered - place < ledger.capacity {
            let previous = ledger.number(atPlace: place - 1)
            if ledger.startTime(ofNumber: previous) > clients[index].joinedAt {
                findings.add(
                    "Client \(index) joined before message \(text.name(of: previous)) was sent, but did not receive it."
                )
            }
        }
        clients[index].state = .following
        clients[index].offset = ledger.start(ofPlace: place)
        clients[index].place = place
        clients[index].firstPlace = place
        if place >= finished {
            clients[index].isMember = true
            progress.join(at: place)
        }
        return .again
    }

    /// Tries those again whose first message nobody else had.
    mutating func retryWaitingJoiners() {
        guard !waitingJoiners.isEmpty else { return }
        let waiting = waitingJoiners
        waitingJoiners.removeAll(keepingCapacity: true)
        for index in waiting where clients[index].state == .joining { takePending(index) }
    }

    private mutating func strand(_ index: Int, _ reason: String) -> Step {
        findings.add("Client \(index) joined and could not be placed: \(reason).")
        lose(index, reason)
        return .again
    }
}
