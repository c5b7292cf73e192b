// Taking what the server sends, and comparing it with what the recording says.

extension RedriveRun {
    // MARK: The management API

    mutating func handleCaller(_ event: Epoll.Event) throws(LoadError) {
        if event.isWritable, caller.descriptor >= 0, let code = caller.flush() { return try callerEnded(code) }
        guard event.isReadable else { return }
        while caller.descriptor >= 0 {
            switch buffer.receive(caller.descriptor) {
            case .bytes(let count):
                let answered = caller.take(unsafe buffer.pointer.span.extracting(first: count), now: now)
                if let (call, reply) = answered { try take(reply, to: call) }
            case .wouldBlock: return
            case .ended: return try callerEnded(0)
            case .failed(let code): return try callerEnded(code)
            }
        }
    }

    private mutating func callerEnded(_ code: Int32) throws(LoadError) {
        caller.close()
        guard let call = caller.call else { return }
        throw .invalidPlan(
            "the management API did not answer the \(call.method) of position \(script.steps[call.step].position)"
                + (code == 0 ? "" : ": \(SystemCall.errorText(code))"))
    }

    private mutating func take(_ reply: ManagementCaller.Reply, to call: ManagementCaller.Call) throws(LoadError) {
        let step = script.steps[call.step]
        switch reply.status {
        case 200..<300:
            if let delivery = step.delivery { placed = max(placed, delivery + 1) }
        case 403, 404, 405, 501:
            throw .invalidPlan(
                "position \(step.position) is a \(call.method), and the server's management API refuses it with "
                    + "\(reply.status): it must answer callers on this machine under \(target.authority)")
        default:
            note(
                .init(
                    position: step.position,
                    reason: "the \(call.method) to the management API was answered with \(reply.status)"))
        }
    }

    // MARK: Connections

    mutating func handle(_ event: Epoll.Event) throws(LoadError) {
        let index = event.token
        if event.isWritable {
            if connections[index].state == .connecting {
                let code = LoadSocket.connectError(connections[index].descriptor)
                guard code == 0 else { throw .connectFailed(client: index, reason: SystemCall.errorText(code)) }
                connections[index].state = .upgrading
            }
            try flush(index)
        }
        guard event.isReadable else { return }
        while connections[index].descriptor >= 0 {
            switch buffer.receive(connections[index].descriptor) {
            case .bytes(let count): try take(unsafe buffer.pointer.span.extracting(first: count), of: index)
            case .wouldBlock: return
            case .ended: return ended(index, "the server ended the connection without a Close")
            case .failed(let code): return ended(index, "the connection failed: \(SystemCall.errorText(code))")
            }
        }
    }

    mutating func flush(_ index: Int) throws(LoadError) {
        guard connections[index].state != .connecting, connections[index].descriptor >= 0 else { return }
        // A connection that has failed is found out by reading: what came before it counts.
        _ = connections[index].outbound.flush(to: connections[index].descriptor)
    }

    private mutating func take(_ bytes: Span<UInt8>, of index: Int) throws(LoadError) {
        guard connections[index].state == .upgrading else { return try takeStream(bytes, of: index) }
        for offset in bytes.indices { connections[index].answer.append(bytes[offset]) }
        guard let handshake = connections[index].handshake else { return }
        switch handshake.judge(connections[index].answer) {
        case .incomplete: break
        case .refused(let status, let reason):
            // The first refusal says that this is not the server that was meant.
            guard compared > 0 || connections.contains(where: { $0.state == .open }) else {
                throw .upgradeRefused(client: index, status: status, reason: reason)
            }
            note(
                .init(
                    position: script.steps[connections[index].step].position,
                    connectionId: script.connections[index].name,
                    reason: "the connect was refused with \(status): \(reason)"))
        case .accepted(let headBytes):
            let answer = connections[index].answer
            connections[index].id = UpgradeHandshake.value(of: RedriveRun.idField, inHead: answer[..<headBytes])
                .map { Array($0.utf8) }
            connections[index].answer = []
            connections[index].handshake = nil
            connections[index].state = .open
            opening -= 1
            let rest = Array(answer[headBytes...])
            try takeStream(rest.span, of: index)
        }
    }

    private mutating func takeStream(_ bytes: Span<UInt8>, of index: Int) throws(LoadError) {
        var inbound = connections[index].inbound
        var pieces: [InboundMessages.Piece] = []
        inbound.take(bytes) { pieces.append($0) }
        connections[index].inbound = inbound
        for piece in pieces where !connections[index].differs {
            switch piece {
            case .message(let message): compare(message, of: index)
            case .ping(let payload):
                let key = UInt32(truncatingIfNeeded: random.next())
                connections[index].outbound.queue { bytes in
                    MaskedFrame.append(
                        opcode: MaskedFrame.Opcode.pong, key: key, payloadBytes: payload.count, to: &bytes
                    ) { $0 += payload }
                }
                try flush(index)
            case .close(let payload): closed(index, payload)
            case .refused(let reason): ended(index, "the server sent what no server may: \(reason)")
            }
        }
    }

    /// The server's Close came.
    private mutating func closed(_ index: Int, _ payload: [UInt8]) {
        guard connections[index].state == .closing else {
            let code = payload.count >= 2 ? " \(UInt16(payload[0]) << 8 | UInt16(payload[1]))" : ""
            let reason = payload.count > 2 ? " (\(String(decoding: payload[2...], as: UTF8.self)))" : ""
            return ended(index, "the server closed the connection:\(code)\(reason)")
        }
        if case .end(_, .delete) = script.steps[connections[index].step].action {
            let key = UInt32(truncatingIfNeeded: random.next())
            connections[index].outbound.queue { MaskedFrame.appendClose(code: 1000, key: key, to: &$0) }
            _ = connections[index].outbound.flush(to: connections[index].descriptor)
            deleting -= 1
        }
        closing -= 1
        connections[index].state = .closed
        LoadSocket.close(connections[index].descriptor)
        connections[index].descriptor = -1
    }

    /// A connection is over before it should be.
    private mutating func ended(_ index: Int, _ reason: String) {
        guard !connections[index].differs else { return }
        connections[index].differs = true
        let position: UInt64
        let expected = nextDelivery(of: index).flatMap { $0 < ordered ? $0 : nil }
        if let expected {
            position = script.deliveries[expected].position
        } else if connections[index].state == .open {
            position = script.steps[max(0, next - 1)].position
        } else {
            position = script.steps[connections[index].step].position
        }
        LoadSocket.close(connections[index].descriptor)
        connections[index].descriptor = -1
        note(
            .init(
                position: position, connectionId: script.connections[index].name,
                expected: expected.map(script.content), reason: reason))
    }
}
