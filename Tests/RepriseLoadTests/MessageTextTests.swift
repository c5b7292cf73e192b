import Testing

@testable import RepriseLoad

@Suite struct MessageTextTests {
    private func read(_ bytes: [UInt8], _ text: MessageText) -> Int? {
        text.number(of: bytes.span)
    }

    @Test(arguments: FanoutPlan.Envelope.allCases, [24, 64, 1000])
    func `a delivered text has the wanted size and names its message`(envelope: FanoutPlan.Envelope, count: Int) {
        let text = MessageText(envelope: envelope, senders: 7, payloadBytes: count)
        for number in [0, 1, 6, 7, 699, 123_456_789] {
            var sent: [UInt8] = []
            text.append(number, to: &sent)
            #expect(sent.count == text.sentBytes)
            let head = envelope == .aws ? #"{"action":"onMessage","data":"#.utf8.count : 0
            let delivered = Array(sent[head..<(head + count)])
            #expect(read(delivered, text) == number)
        }
    }

    @Test func `the envelope of the service wraps a JSON string`() {
        let text = MessageText(envelope: .aws, senders: 1, payloadBytes: 24)
        var sent: [UInt8] = []
        text.append(5, to: &sent)
        #expect(String(decoding: sent, as: UTF8.self) == #"{"action":"onMessage","data":"0-5-fghijklmnopqrstuvw"}"#)
    }

    @Test(arguments: FanoutPlan.Envelope.allCases)
    func `no changed byte goes unnoticed`(envelope: FanoutPlan.Envelope) {
        let text = MessageText(envelope: envelope, senders: 7, payloadBytes: 40)
        var sent: [UInt8] = []
        text.append(123_456, to: &sent)
        let head = envelope == .aws ? #"{"action":"onMessage","data":"#.utf8.count : 0
        let delivered = Array(sent[head..<(head + 40)])
        for index in delivered.indices {
            for bit in 0..<8 {
                var changed = delivered
                changed[index] ^= 1 << UInt8(bit)
                #expect(read(changed, text) != 123_456)
            }
        }
        #expect(read(Array(delivered.dropLast()), text) == nil)
    }
}

@Suite struct StreamAuditTests {
    private let text = MessageText(envelope: .none, senders: 2, payloadBytes: 24)

    /// The faults of a client that received these of ten messages.
    private func faults(_ numbers: [Int]) -> [StreamAudit.Fault] {
        var ledger = MessageLedger(text: text, capacity: 16)
        for _ in 0..<10 { _ = ledger.send(at: 0) }
        let audit = StreamAudit(text: text, next: [0, 0], cause: .differed)
        for number in numbers {
            var bytes: [UInt8] = []
            text.append(number, to: &bytes)
            audit.receive(bytes.span, sent: 10)
        }
        audit.finish(ledger)
        return audit.faults
    }

    @Test func `each rule is told apart`() {
        #expect(faults([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]) == [.orderDiffers])
        #expect(faults([0, 1, 3, 4, 5, 6, 7, 8, 9]) == [.lost(first: 2, count: 1)])
        #expect(faults([0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 9]) == [.duplicated(3)])
        #expect(faults([0, 1, 4, 2, 3, 5, 6, 7, 8, 9]) == [.outOfOrder(2)])
        #expect(faults([0, 1, 2, 3, 4, 5]) == [.lost(first: 6, count: 2), .lost(first: 7, count: 2)])
    }

    @Test func `bytes that are no message are corruption, and a broken frame ends the reading`() {
        let audit = StreamAudit(text: text, next: [0, 0], cause: .differed)
        audit.receive([1, 2, 3].span, sent: 10)
        audit.breakOff("reserved bits are set")
        audit.receive([1, 2, 3].span, sent: 10)
        #expect(audit.faultCount == 2)
        #expect(audit.isComplete(MessageLedger(text: text, capacity: 16)))
    }
}
