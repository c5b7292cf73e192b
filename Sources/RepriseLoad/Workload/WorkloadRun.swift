/// Plays a recorded workload to a server: one thread, one epoll.
///
/// The loop is open: a step is due when the recording says so, whatever the server has answered by then, and latency counts
/// from that moment. Without times the next step is due as soon as the kernel has taken enough of the messages before it.
public struct WorkloadRun: ~Copyable {
    let workload: RecordedWorkload
    let url: String
    let pace: RecordedPace
    private let target: LoadTarget
    var connections: [WorkloadConnection]
    private var epoll: Epoll
    private let buffer: ReceiveBuffer
    private var random: RandomSource
    private let start: Int
    private var next = 0
    private var lastNews = 0
    var tally = WorkloadTally()

    /// Bytes that one connection may have queued before, without times, the next step waits.
    private static let backlogBytesMax = 256 << 10
    /// Descriptors beside those of the connections: standard streams, epoll, the log.
    private static let otherDescriptors = 16
    /// Nanoseconds without any news, after the last step, that end the run.
    private static let quietNanoseconds = 2_000_000_000

    /// Prepares a run.
    ///
    /// - Parameters:
    ///   - speed: times faster than recorded; nil for as fast as it goes.
    ///   - seed: of mask keys and upgrade keys.
    /// - Throws: ``LoadError/invalidPlan(_:)``, ``LoadError/system(operation:code:)``.
    public init(_ workload: RecordedWorkload, url: String, speed: Double?, seed: UInt64 = 1) throws(LoadError) {
        let pace = try RecordedPace(speed)
        let target = try LoadTarget(url: url)
        try SystemCall.makeRoom(forConnections: workload.connections, others: WorkloadRun.otherDescriptors)
        let epoll = try Epoll(capacity: 1024)
        self.target = target
        self.epoll = epoll
        buffer = ReceiveBuffer(capacity: 256 << 10)
        self.workload = workload
        self.url = url
        self.pace = pace
        connections = Array(repeating: WorkloadConnection(), count: workload.connections)
        random = RandomSource(seed: seed)
        start = SystemCall.now()
    }

    deinit {
        for connection in connections where connection.descriptor >= 0 { LoadSocket.close(connection.descriptor) }
    }

    /// Plays the workload to its end and until nothing comes any more.
    public mutating func run() throws(LoadError) -> WorkloadReport {
        while true {
            try performDueSteps()
            if next == workload.steps.count, isOver { break }
            let count = try epoll.wait(nanoseconds: nanosecondsToWait)
            if count > 0 { lastNews = now }
            for index in 0..<count {
                let event = epoll.event(index)
                handle(event)
            }
        }
        for index in connections.indices where connections[index].descriptor >= 0 { drop(index) }
        return report()
    }

    /// Nanoseconds since the run began.
    private var now: Int { SystemCall.now() - start }

    private func due(_ step: RecordedWorkload.Step) -> Int { pace.due(step.time) }

    private var nanosecondsToWait: Int {
        guard next < workload.steps.count, pace.speed != nil else { return 10_000_000 }
        return min(10_000_000, due(workload.steps[next]) - now)
    }

    /// After the last step: everything came back, or nothing has come for a while.
    private var isOver: Bool {
        now - lastNews > WorkloadRun.quietNanoseconds
            || connections.allSatisfy {
                $0.state == .closed || ($0.state == .open && $0.awaitedCount == 0 && $0.isFlushed)
            }
    }

    private mutating func performDueSteps() throws(LoadError) {
        var performed = 0
        while next < workload.steps.count, performed < 256 {
            let step = workload.steps[next]
            let intended = due(step)
            guard intended <= now, !isHeldUp(step.connection) else { return }
            next += 1
            performed += 1
            lastNews = now
            switch step.action {
            case .open(let query, let subprotocol):
                try open(step.connection, query: query, subprotocol: subprotocol)
            case .send(let message):
                send(message, on: step.connection, intended: pace.speed == nil ? now : intended)
            case .close(let code):
                close(step.connection, code: code)
            }
        }
    }

    /// Without times there is no rate to keep but the server's.
    private func isHeldUp(_ index: Int) -> Bool {
        pace.speed == nil && connections[index].backlogBytes > WorkloadRun.backlogBytesMax
    }

    private mutating func open(_ index: Int, query: String, subprotocol: String?) throws(LoadError) {
        do throws(LoadError) {
            connections[index].openedAt = now
            connections[index].descriptor = try LoadSocket.connect(
                to: target, source: target.source(ofClient: index))
        } catch {
            connections[index].state = .closed
            return tally.note(error.description)
        }
        connections[index].state = .connecting
        let handshake = UpgradeHandshake(random: &random)
        connections[index].handshake = handshake
        let request = target.adding(query: query)
        connections[index].outbound.queue { $0 += handshake.request(for: request, subprotocol: subprotocol) }
        try epoll.add(connections[index].descriptor, token: index)
    }

    private mutating func send(_ message: RecordedWorkload.Message, on index: Int, intended: Int) {
        guard connections[index].state != .closed, connections[index].state != .closing else { return }
        let key = UInt32(truncatingIfNeeded: random.next())
        let opcode = message.isText ? MaskedFrame.Opcode.text : MaskedFrame.Opcode.binary
        let body = message.body
        connections[index].queue { [workload] bytes in
            MaskedFrame.append(opcode: opcode, key: key, payloadBytes: body.count, to: &bytes) { bytes in
                bytes.append(contentsOf: workload.bytes[body])
            }
        }
        connections[index].unsent.append((connections[index].queuedBytes, intended))
        if let answer = message.answer {
            connections[index].awaited.append(.init(fingerprint: answer, intended: intended))
        }
        flush(index)
    }

    /// Closes now; without times, when what the connection sent has come back.
    private mutating func close(_ index: Int, code: UInt16) {
        guard connections[index].state != .closed else { return }
        if connections[index].state != .open || (pace.speed == nil && connections[index].awaitedCount > 0) {
            connections[index].pendingClose = code
            return
        }
        connections[index].pendingClose = nil
        connections[index].forgetAwaited()  // whoever leaves in time need not have got everything
        switch code {
        case 1000...1003, 1007...1011, 3000...4999:
            let key = UInt32(truncatingIfNeeded: random.next())
            connections[index].queue { MaskedFrame.appendClose(code: code, key: key, to: &$0) }
            connections[index].state = .closing
            flush(index)
        default:
            drop(index)
        }
    }

    private mutating func drop(_ index: Int) {
        tally.unanswered += connections[index].awaitedCount
        connections[index].forgetAwaited()
        if connections[index].descriptor >= 0 { LoadSocket.close(connections[index].descriptor) }
        connections[index].descriptor = -1
        connections[index].state = .closed
    }

    private mutating func fail(_ index: Int, _ reason: String) {
        if connections[index].state != .closing { tally.note("connection \(index): \(reason)") }
        drop(index)
    }

    private mutating func handle(_ event: Epoll.Event) {
        let index = event.token
        if event.isWritable {
            if connections[index].state == .connecting {
                let code = LoadSocket.connectError(connections[index].descriptor)
                guard code == 0 else { return fail(index, SystemCall.errorText(code)) }
                connections[index].state = .upgrading
            }
            flush(index)
        }
        if event.isReadable { receive(index) }
        if let code = connections[index].pendingClose, connections[index].state == .open { close(index, code: code) }
    }

    private mutating func flush(_ index: Int) {
        guard connections[index].state != .connecting, connections[index].descriptor >= 0 else { return }
        let before = connections[index].outbound.count
        let failure = connections[index].outbound.flush(to: connections[index].descriptor)
        let count = before - connections[index].outbound.count
        if connections[index].state != .upgrading { handOver(count, of: index) }
        if let failure { fail(index, SystemCall.errorText(failure)) }
    }

    /// Notes the messages whose last byte the kernel has taken.
    private mutating func handOver(_ count: Int, of index: Int) {
        connections[index].handedOverBytes += count
        let moment = now
        while connections[index].unsentStart < connections[index].unsent.count {
            let (end, intended) = connections[index].unsent[connections[index].unsentStart]
            guard end <= connections[index].handedOverBytes else { break }
            connections[index].unsentStart += 1
            tally.noteSent(late: moment - intended, at: moment)
        }
        if connections[index].unsentStart == connections[index].unsent.count {
            connections[index].unsent.removeAll(keepingCapacity: true)
            connections[index].unsentStart = 0
        }
    }

    private mutating func receive(_ index: Int) {
        while connections[index].descriptor >= 0 {
            switch buffer.receive(connections[index].descriptor) {
            case .bytes(let count): take(unsafe buffer.pointer.span.extracting(first: count), of: index)
            case .wouldBlock: return
            case .ended: return fail(index, "the server ended it")
            case .failed(let code): return fail(index, SystemCall.errorText(code))
            }
        }
    }

    private mutating func take(_ bytes: Span<UInt8>, of index: Int) {
        guard connections[index].state == .upgrading else { return takeStream(bytes, of: index) }
        for offset in bytes.indices { connections[index].answer.append(bytes[offset]) }
        guard let handshake = connections[index].handshake else { return }
        switch handshake.judge(connections[index].answer) {
        case .incomplete: break
        case .refused(let status, let reason): fail(index, "refused with \(status): \(reason)")
        case .accepted(let headBytes):
            tally.connected += 1
            tally.connects.record(now - connections[index].openedAt)
            connections[index].state = .open
            connections[index].releaseWaiting()
            let rest = Array(connections[index].answer[headBytes...])
            connections[index].answer = []
            flush(index)
            takeStream(rest.span, of: index)
        }
    }

    private mutating func takeStream(_ bytes: Span<UInt8>, of index: Int) {
        var inbound = connections[index].inbound
        var pieces: [InboundMessages.Piece] = []
        inbound.take(bytes) { pieces.append($0) }
        connections[index].inbound = inbound
        let moment = now
        for piece in pieces {
            switch piece {
            case .message(let message):
                tally.deliveries += 1
                if let intended = connections[index].take(message.fingerprint) {
                    tally.latency.record(moment - intended)
                }
            case .ping(let payload):
                let key = UInt32(truncatingIfNeeded: random.next())
                connections[index].queue { bytes in
                    MaskedFrame.append(
                        opcode: MaskedFrame.Opcode.pong, key: key, payloadBytes: payload.count, to: &bytes
                    ) { $0.append(contentsOf: payload) }
                }
                flush(index)
            case .close: return fail(index, "the server closed it")
            case .refused(let reason): return fail(index, reason)
            }
        }
    }
}
