/// Pacing and sending. All frames that are due for one sender leave with one `send`.
extension FanoutRun {
    /// Bytes that may wait for the server to take them, over all senders.
    private static let outboundBytesMax = 256 << 20

    /// Messages that are not finished: not everywhere yet, or not answered yet.
    var unfinished: Int { ledger.sent - finished + errors.outstanding }

    /// When the next message is due in open loop.
    func nextIntendedTime(_ rate: Double) -> Int {
        firstSendAt + Int(Double(ledger.sent + errors.sent) * 1e9 / rate)
    }

    /// Sends what is due now.
    mutating func sendDue(_ now: Int) {
        switch plan.pace {
        case .window(let window):
            guard unfinished < window else { return }
            while unfinished < window { queueMessage(startingAt: now) }
        case .rate(let rate):
            var intended = nextIntendedTime(rate)
            guard intended <= now else { return }
            while intended <= now, !mustStop {
                if now - intended > Self.lateNanoseconds { lateSends += 1 }
                queueMessage(startingAt: intended)
                intended = nextIntendedTime(rate)
                guard unfinished < ledger.capacity - 1 else {
                    giveUp("\(ledger.capacity - 1) messages were unfinished")
                    break
                }
            }
        }
        for sender in sendersToFlush { flush(sender) }
        sendersToFlush.removeAll(keepingCapacity: true)
    }

    private mutating func queueMessage(startingAt time: Int) {
        let key = UInt32(truncatingIfNeeded: random.next())
        let sender: Int
        if errors.isRefused(ledger.sent + errors.sent) {
            sender = errors.send()
            let body = ErrorLedger.body
            queue(sender) { bytes in
                MaskedFrame.append(
                    opcode: MaskedFrame.Opcode.text, key: key, payloadBytes: body.count, to: &bytes
                ) { $0 += body }
            }
        } else {
            let number = ledger.send(at: time)
            sender = text.sender(of: number)
            let text = text
            queue(sender) { bytes in
                MaskedFrame.append(
                    opcode: MaskedFrame.Opcode.text, key: key, payloadBytes: text.sentBytes, to: &bytes
                ) { text.append(number, to: &$0) }
            }
        }
        if clients[sender].outbound.count > Self.outboundBytesMax / plan.senders {
            giveUp("\(Self.outboundBytesMax >> 20) MiB waited to be taken by the server")
        }
    }

    private mutating func queue(_ sender: Int, _ append: (inout [UInt8]) -> Void) {
        if clients[sender].isFlushed { sendersToFlush.append(sender) }
        clients[sender].queue(append)
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
            case .bytes(let count): clients[index].noteSent(count)
            case .wouldBlock, .ended: return
            case .failed(let code):
                lose(index, "sending failed: \(SystemCall.errorText(code))")
                return
            }
        }
    }
}
