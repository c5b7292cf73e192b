// What came against what the recording says, and what did not come at all.

extension RedriveRun {
    // MARK: Comparing

    /// The delivery that a connection must get next, ordered or not.
    ///
    /// Between a client's Close and the server's answer, what others send may still come: in order, like everything.
    func nextDelivery(of index: Int) -> Int? {
        let connection = connections[index]
        let targeted = script.connections[index].targeted
        let own = connection.nextTargeted < targeted.count ? targeted[connection.nextTargeted] : nil
        let common =
            connection.nextBroadcast < script.broadcasts.count ? script.broadcasts[connection.nextBroadcast] : nil
        guard let own, let common else { return own ?? common }
        return min(own, common)
    }

    mutating func compare(_ message: InboundMessages.Message, of index: Int) {
        let expected = nextDelivery(of: index).flatMap { $0 < ordered ? $0 : nil }
        if let expected, agrees(message, with: script.deliveries[expected], of: index) {
            let targeted = script.connections[index].targeted
            if connections[index].nextTargeted < targeted.count, targeted[connections[index].nextTargeted] == expected {
                connections[index].nextTargeted += 1
            } else {
                connections[index].nextBroadcast += 1
            }
            connections[index].lastDelivery = expected
            placed = max(placed, expected + 1)
            if connections[index].state == .open { compared += 1 }
            return
        }
        connections[index].differs = true
        let resembles = resemblance(of: message, to: expected, index)
        let position = expected.map(script.position) ?? lastPosition(of: index)
        let reason =
            if let expected {
                "position \(script.position(of: expected)) is next and something else came"
            } else {
                "a message came that is not in the recording"
            }
        note(
            .init(
                position: position,
                connectionId: script.connections[index].name, expected: expected.map(script.content),
                received: .init(isText: message.isText, message.payload), reason: reason + resembles))
    }

    /// Where a connection was when something came that is not in the recording.
    private func lastPosition(of index: Int) -> UInt64 {
        if let last = connections[index].lastDelivery { return script.deliveries[last].position }
        return script.steps[max(0, next - 1)].position
    }

    /// What came in the place of `expected`, if it is one of its neighbours.
    private func resemblance(of message: InboundMessages.Message, to expected: Int?, _ index: Int) -> String {
        if let last = connections[index].lastDelivery, agrees(message, with: script.deliveries[last], of: index) {
            return ": position \(script.deliveries[last].position) once more"
        }
        guard let expected else { return "" }
        let later = script.deliveries[expected..<min(ordered, expected + 64)]
        guard let other = later.first(where: { agrees(message, with: $0, of: index) }) else { return "" }
        return ": position \(other.position)"
    }

    private func agrees(
        _ message: InboundMessages.Message, with delivery: RedriveScript.Delivery, of index: Int
    ) -> Bool {
        guard message.isText == delivery.isText, message.payload.count == delivery.payload.count else { return false }
        let (payload, start) = (message.payload, delivery.payload.lowerBound)
        guard delivery.connectionIDAt != nil || delivery.requestIDAt != nil else {
            return payload.elementsEqual(script.bytes[delivery.payload])
        }
        let idBytes = RedriveScript.idBytes
        for offset in payload.indices {
            if let at = delivery.connectionIDAt, (at..<at + idBytes).contains(offset) {
                guard let id = connections[index].id else { continue }
                guard id.count == idBytes, payload[offset] == id[offset - at] else { return false }
            } else if let at = delivery.requestIDAt, (at..<at + idBytes).contains(offset) {
                continue
            } else if payload[offset] != script.bytes[start + offset] {
                return false
            }
        }
        return true
    }

    // MARK: Silence

    /// Nothing has come for too long: names what is missing, the earliest first.
    mutating func noteSilence() {
        let silence = "nothing came for \(Double(patience) / 1e9) s"
        var found: RedriveReport.Difference?
        func consider(_ other: RedriveReport.Difference) {
            if found.map({ other.position < $0.position }) ?? true { found = other }
        }
        for index in connections.indices {
            let name = script.connections[index].name
            let step = script.steps[connections[index].step]
            switch connections[index].state {
            case .connecting, .upgrading:
                consider(
                    .init(
                        position: step.position, connectionId: name, reason: "the connect was not answered: \(silence)")
                )
            case .open, .closing:
                let isEnding = connections[index].state == .closing
                let isComplete = isEnding || hasAllOrdered(index)
                if !isComplete, let missing = nextDelivery(of: index) {
                    consider(
                        .init(
                            position: script.deliveries[missing].position, connectionId: name,
                            expected: script.content(of: missing), reason: silence))
                } else if isEnding {
                    consider(
                        .init(
                            position: step.position, connectionId: name, reason: "the server sent no Close: \(silence)")
                    )
                }
            case .unopened, .closed: break
            }
        }
        if let call = caller.call {
            consider(
                .init(
                    position: script.steps[call.step].position,
                    reason: "the management API did not answer the \(call.method): \(silence)"))
        }
        note(
            found
                ?? .init(
                    position: script.steps[min(next, script.steps.count - 1)].position,
                    reason: "the step cannot be done: \(silence)"))
    }

    /// Whether a connection that is open has everything that was ordered for it so far.
    private func hasAllOrdered(_ index: Int) -> Bool {
        nextDelivery(of: index).map { $0 >= ordered } ?? true
    }
}

extension RedriveScript {
    func position(of delivery: Int) -> UInt64 { deliveries[delivery].position }

    func content(of delivery: Int) -> RedriveReport.Content {
        .init(isText: deliveries[delivery].isText, bytes[deliveries[delivery].payload])
    }
}
