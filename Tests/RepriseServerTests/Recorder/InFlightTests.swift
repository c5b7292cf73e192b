import Testing

@testable import RepriseServer

@Suite struct `Intents in flight` {
    @Test func `are full at the bound, and go on at half of it`() {
        let inFlight = InFlight(bytesMax: 100)
        inFlight.add(99)
        #expect(!inFlight.isFull)
        inFlight.add(1)
        #expect(inFlight.isFull)
        #expect(!inFlight.remove(49))
        #expect(!inFlight.isFull)
        #expect(inFlight.remove(1))
        #expect(!inFlight.remove(50))
    }

    @Test func `that are heavier than the bound alone still go on`() {
        let inFlight = InFlight(bytesMax: 10)
        inFlight.add(1000)
        #expect(inFlight.isFull)
        #expect(inFlight.remove(1000))
        #expect(!inFlight.isFull)
    }

    @Test func `cross the half once for each time that they were above it`() {
        let inFlight = InFlight(bytesMax: 10)
        for _ in 0..<3 {
            inFlight.add(10)
            #expect([inFlight.remove(4), inFlight.remove(4), inFlight.remove(2)] == [false, true, false])
        }
    }

    @Test func `are performed when the last shard is done`() {
        let ticket = BatchTicket(shards: 3, weight: 7)
        #expect([ticket.countDown(), ticket.countDown(), ticket.countDown()] == [false, false, true])
        #expect(ticket.weight == 7)
    }

    @Test func `are refused at a closed gate, which says why`() {
        let gate = LogGate()
        #expect(!gate.isClosed)
        gate.close(because: "full")
        #expect(gate.isClosed)
        #expect(gate.refusal == "full")
        gate.open()
        #expect(gate.refusal == nil)
    }
}
