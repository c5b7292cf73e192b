// Doing what clients and back ends did, each step at its place in the order.

extension RedriveRun {
    /// Does the steps that are due and whose place is certain; a bounded number, so that reading has its turn.
    mutating func performDueSteps() throws(LoadError) {
        var performed = 0
        while next < script.steps.count, performed < 256, difference == nil {
            let step = script.steps[next]
            let moment = now
            let due = self.due(step)
            guard due <= moment else { return }
            guard mayPerform(step) else { return timing.noteWaiting(at: moment) }
            try perform(step)
            timing.noteStep(due: pace.speed == nil ? moment : due, at: now)
            next += 1
            performed += 1
            lastNews = now
        }
    }

    private func mayPerform(_ step: RedriveScript.Step) -> Bool {
        let isPlaced = ordered == placed
        switch step.action {
        case .open:
            return isPlaced && opening < RedriveRun.openingMax
        case .send(let connection, _, _):
            return (isPlaced || lastSender == connection) && opening == 0 && deleting == 0
                && connections[connection].outbound.count < RedriveRun.backlogBytesMax
        case .post:
            return isPlaced && opening == 0 && deleting == 0 && caller.call == nil
        case .end(let connection, _):
            return opening == 0 && hasEverything(connection) && caller.call == nil
        }
    }

    /// Whether everything that was addressed to a connection up to its end has come.
    private func hasEverything(_ index: Int) -> Bool {
        connections[index].nextBroadcast >= script.connections[index].broadcasts.upperBound
            && connections[index].nextTargeted == script.connections[index].targeted.count
            && connections[index].outbound.count == 0
    }

    private mutating func perform(_ step: RedriveScript.Step) throws(LoadError) {
        switch step.action {
        case .open(let connection, let query, let subprotocol):
            try open(connection, query: query, subprotocol: subprotocol)
        case .send(let connection, let isText, let body):
            if let delivery = step.delivery {
                ordered = delivery + 1
                lastSender = connection
            }
            try send(body, isText: isText, on: connection)
        case .post(let connection, let body):
            if let delivery = step.delivery { ordered = delivery + 1 }
            lastSender = nil
            try call("POST", connection, body: body, step)
        case .end(let connection, let ending):
            try end(connection, ending, step)
        }
    }

    private mutating func open(_ index: Int, query: String, subprotocol: String?) throws(LoadError) {
        do throws(LoadError) {
            connections[index].descriptor = try LoadSocket.connect(to: target, source: target.source(ofClient: index))
        } catch {
            throw .connectFailed(client: index, reason: error.description)
        }
        let handshake = UpgradeHandshake(random: &random)
        let request = target.adding(query: query)
        connections[index].step = next
        connections[index].state = .connecting
        connections[index].handshake = handshake
        connections[index].outbound.queue { $0 += handshake.request(for: request, subprotocol: subprotocol) }
        opening += 1
        try epoll.add(connections[index].descriptor, token: index)
    }

    private mutating func send(_ body: Range<Int>, isText: Bool, on index: Int) throws(LoadError) {
        let key = UInt32(truncatingIfNeeded: random.next())
        let opcode = isText ? MaskedFrame.Opcode.text : MaskedFrame.Opcode.binary
        connections[index].outbound.queue { [script] bytes in
            MaskedFrame.append(opcode: opcode, key: key, payloadBytes: body.count, to: &bytes) {
                $0 += script.bytes[body]
            }
        }
        try flush(index)
    }

    private mutating func end(
        _ index: Int, _ ending: RedriveScript.Ending, _ step: RedriveScript.Step
    ) throws(LoadError) {
        connections[index].step = next
        switch ending {
        case .close(let code, let reason):
            let key = UInt32(truncatingIfNeeded: random.next())
            connections[index].outbound.queue { MaskedFrame.appendClose(code: code, reason: reason, key: key, to: &$0) }
            connections[index].state = .closing
            closing += 1
            try flush(index)
        case .drop:
            LoadSocket.close(connections[index].descriptor)
            connections[index].descriptor = -1
            connections[index].state = .closed
        case .delete:
            connections[index].state = .closing
            closing += 1
            deleting += 1
            try call("DELETE", index, body: 0..<0, step)
        }
    }

    private mutating func call(
        _ method: String, _ connection: Int?, body: Range<Int>, _ step: RedriveScript.Step
    ) throws(LoadError) {
        var id: [UInt8]?
        if let connection {
            guard let known = connections[connection].id else {
                throw .invalidPlan(
                    "position \(step.position) is a \(method) for one connection, and the server does not tell its id: its "
                        + "answer to the upgrade has no \(RedriveRun.idField)")
            }
            id = known
        }
        if caller.needsConnection(now: now) {
            caller.close()
            do throws(LoadError) {
                caller.descriptor = try LoadSocket.connect(to: target, source: 0)
            } catch {
                throw .invalidPlan("the management API cannot be reached: \(error)")
            }
            try epoll.add(caller.descriptor, token: connections.count)
        }
        caller.begin(.init(step: next, method: method), id: id, body: script.bytes[body], now: now)
        // A socket that is still connecting refuses: epoll tells when it is ready.
        _ = caller.flush()
    }
}
