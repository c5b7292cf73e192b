/// Pacing and sending. All frames that are due for one sender leave with one `send`.
extension FanoutRun {
    /// Bytes that may wait for the server to take them, over all senders.
    private static let outboundBytesMax = 256 << 20

    /// When a message is due in open loop.
    func intendedTime(ofNumber number: Int, _ rate: Double) -> Int {
        firstSendAt + Int(Double(number) * 1e9 / rate)
    }

    /// Sends what is due now.
    mutating func sendDue(_ now: Int) {
        switch plan.pace {
        case .window(let window):
            guard ledger.sent - finished < window else { return }
            while ledger.sent - finished < window { queueMessage(startingAt: now) }
        case .rate(let rate):
            var intended = intendedTime(ofNumber: ledger.sent, rate)
            guard intended <= now else { return }
            while intended <= now, !mustStop {
                if now - intended > Self.lateNanoseconds { lateSends += 1 }
                queueMessage(startingAt: intended)
                intended = intendedTime(ofNumber: ledger.sent, rate)
                guard ledger.sent - finished < ledger.capacity - 1 else {
                    giveUp("\(ledger.capacity - 1) messages were unfinished")
                    break
                }
            }
        }
        for sender in sendersToFlush { flush(sender) }
        sendersToFlush.removeAll(keepingCapacity: true)
    }

    private mutating func queueMessage(startingAt time: Int) {
        let number = ledger.send(at: time)
        let sender = text.sender(of: number)
        let key = UInt32(truncatingIfNeeded: random.next())
        if clients[sender].isFlushed { sendersToFlush.append(sender) }
        clients[sender].queue { bytes in
            MaskedFrame.append(
                opcode: MaskedFrame.Opcode.text, key: key, payloadBytes: text.sentBytes, to: &bytes
            ) { text.append(number, to: &$0) }
        }
        if clients[sender].outbound.count > Self.outboundBytesMax / plan.senders {
            giveUp("\(Self.outboundBytesMax >> 20) MiB waited to be taken by the server")
        }
    }

    /// Ends the run early: the server does not keep up with the rate.
    private mutating func giveUp(_ reason: String) {
        guard !mustStop else { return }
        mustStop = true
        findings.add("The server did not keep up with the rate, the run was cut short: \(reason).")
    }

    /// Hands a client's waiting bytes to the kernel, as far as it takes them.
    mutating func flush(_ index: Int) {
        while clients[index].descriptor >= 0, !clients[index].isFlushed {
            switch LoadSocket.send(
                clients[index].descriptor, clients[index].outbound, from: clients[index].outboundStart)
            {
            case .bytes(let count): clients[index].outboundStart += count
            case .wouldBlock, .ended: return
            case .failed(let code):
                lose(index, "sending failed: \(SystemCall.errorText(code))")
                return
            }
        }
    }
}
