import Testing

@testable import Reprise

@Suite struct `What was skipped, in the order of events` {
    /// 1 starts the session, 2 and 3 open two connections, 4 to 7 send something.
    private var sequence = EventSequence()

    init() {
        sequence.connect(1)
        sequence.connect(2)
        for _ in 0..<4 { sequence.send("x", to: .everyone) }
    }

    /// What is wrong with the last event, and that nothing is with those before.
    private func problem() -> String? {
        var order = EventOrder()
        for event in sequence.events.dropLast() { #expect(order.admit(event) == nil) }
        return sequence.events.last.flatMap { order.admit($0) }
    }

    private mutating func skip(_ number: UInt64, _ first: UInt64, _ last: UInt64) {
        sequence.add(.skipped(Skipped(connection: .number(number), first: Position(first), last: Position(last))))
    }

    @Test mutating func `are ranges behind the open, one behind the other`() {
        skip(2, 4, 4)
        #expect(problem() == nil)
        skip(2, 5, 7)
        #expect(problem() == nil)
        skip(1, 4, 10 - 2)
        #expect(problem() == nil)
    }

    @Test(arguments: [(4, 8), (8, 8), (6, 5)] as [(UInt64, UInt64)])
    mutating func `is no range that is empty or still to come`(first: UInt64, last: UInt64) {
        skip(1, first, last)
        #expect(problem() == "it skips the positions \(first) to \(last)")
    }

    @Test mutating func `is nothing from before the open`() {
        skip(2, 3, 5)
        #expect(problem()?.hasSuffix("skips positions 3 to 5, but it is open since position 3") == true)
    }

    @Test mutating func `is nothing that was skipped already`() {
        skip(1, 4, 6)
        skip(2, 6, 6)
        #expect(problem() == nil)
        skip(1, 6, 7)
        #expect(problem()?.hasSuffix("skips positions 6 to 7, but it has skipped through 6 already") == true)
    }

    @Test mutating func `is of connections that are open`() {
        sequence.disconnect(1)
        skip(1, 4, 5)
        #expect(problem()?.hasSuffix("skips positions 4 to 5, but it is not open") == true)
    }
}
