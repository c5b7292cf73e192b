import Testing

@testable import RepriseLoad

@Suite struct MessageLedgerTests {
    private let text = MessageText(envelope: .none, senders: 3, payloadBytes: 32)

    private func ledger(sent: Int, capacity: Int = 64) -> MessageLedger {
        var ledger = MessageLedger(text: text, capacity: capacity)
        for number in 0..<sent { #expect(ledger.send(at: 1000 + number) == number) }
        return ledger
    }

    @Test func `every sender's messages must come gapless, in any order between senders`() {
        var ledger = ledger(sent: 9)
        #expect(ledger.order(1, end: 10) == .inOrder)
        #expect(ledger.order(4, end: 20) == .inOrder)
        #expect(ledger.order(0, end: 30) == .inOrder)
        #expect(ledger.order(6, end: 40) == .gap(missing: 1))
        #expect(ledger.order(4, end: 40) == .repeated)
        #expect(ledger.order(9, end: 40) == .unsent)
        #expect(ledger.ordered == 3)
        #expect((0..<3).map { ledger.number(atPlace: $0) } == [1, 4, 0])
        #expect(ledger.startTime(ofNumber: 4) == 1004)
    }

    @Test func `an offset's place is the number of frames that end at or before it`() {
        var ledger = ledger(sent: 30)
        for number in 0..<30 { #expect(ledger.order(number, end: 10 * (number + 1)) == .inOrder) }
        for offset in 0...305 {
            let expected = min(30, offset / 10)
            #expect(ledger.places(before: offset, from: 0) == expected)
            #expect(ledger.places(before: offset, from: expected) == expected)
        }
        #expect(ledger.start(ofPlace: 0) == 0)
        #expect(ledger.start(ofPlace: 30) == 300)
    }

    @Test func `a remembered look-up stays right when the stream grows`() {
        var ledger = ledger(sent: 3)
        #expect(ledger.order(0, end: 10) == .inOrder)
        #expect(ledger.places(before: 10, from: 0) == 1)
        #expect(ledger.order(1, end: 20) == .inOrder)
        #expect(ledger.places(before: 10, from: 0) == 1)
        #expect(ledger.places(before: 20, from: 1) == 2)
    }

    @Test func `the sequences due at a place are those of the messages before it`() {
        var ledger = ledger(sent: 9)
        for (place, number) in [1, 4, 0, 2, 3, 7].enumerated() {
            #expect(ledger.order(number, end: place + 1) == .inOrder)
        }
        #expect(ledger.nextSequences(atPlace: 0) == [0, 0, 0])
        #expect(ledger.nextSequences(atPlace: 2) == [0, 2, 0])
        #expect(ledger.nextSequences(atPlace: 6) == [2, 3, 1])
    }

    @Test func `a message's place is found while it is kept`() {
        var ledger = MessageLedger(text: text, capacity: 4)
        for number in 0..<9 {
            _ = ledger.send(at: 0)
            #expect(ledger.order(number, end: number + 1) == .inOrder)
        }
        #expect(ledger.place(ofNumber: 8) == 8)
        #expect(ledger.place(ofNumber: 5) == 5)
        #expect(ledger.place(ofNumber: 4) == nil)
        #expect(ledger.place(ofNumber: 9) == nil)
    }

    @Test func `messages are dealt to the senders in turn`() {
        let ledger = ledger(sent: 7)
        #expect((0..<3).map { ledger.sentCount(ofSender: $0) } == [3, 2, 2])
    }
}

@Suite struct DeliveryProgressTests {
    @Test func `finished is the slowest member's place, whatever the moves`() {
        var random = RandomSource(seed: 7)
        var progress = DeliveryProgress(capacity: 64)
        var places = [Int](repeating: 0, count: 9)
        for _ in places { progress.join(at: 0) }
        for _ in 0..<5000 {
            let client = Int.random(in: 0..<places.count, using: &random)
            let slowest = places.min() ?? 0
            let next = Int.random(in: places[client]...(slowest + 60), using: &random)
            progress.move(from: places[client], to: next)
            places[client] = next
            #expect(progress.finished == places.min())
        }
    }

    @Test func `a member that leaves holds nobody back`() {
        var progress = DeliveryProgress(capacity: 8)
        progress.join(at: 0)
        progress.join(at: 0)
        progress.move(from: 0, to: 5)
        #expect(progress.finished == 0)
        progress.leave(from: 0)
        #expect(progress.finished == 5)
        #expect(progress.members == 1)
        progress.join(at: 6)
        progress.leave(from: 5)
        #expect(progress.finished == 6)
        progress.leave(from: 6)
        #expect(progress.finished == 6)
    }
}
