import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct EdgeMemoryTests {
    private final class Holder: EdgeHolder {
        let number: Int
        var edgeSlot = EdgeMemory.Slot.none
        var hasEnded = false

        init(_ number: Int) { self.number = number }

        func endForMemory() { hasEnded = true }
    }

    @Test func `ends the oldest holder, and nobody while there is room`() {
        var memory = EdgeMemory(bytesMax: 100)
        let (first, second, third) = (Holder(1), Holder(2), Holder(3))
        memory.update(first, to: 40)
        memory.update(second, to: 40)
        #expect(memory.takeExcess() == nil)
        memory.update(first, to: 50)  // it grows, and stays the oldest
        memory.update(third, to: 30)
        #expect(memory.takeExcess() === first)
        #expect(memory.takeExcess() == nil)
        #expect(memory.bytes == 70 && first.edgeSlot == .none && memory.endedCount == 1)
    }

    @Test func `forgets who has finished`() {
        var memory = EdgeMemory(bytesMax: 100)
        let (first, second) = (Holder(1), Holder(2))
        memory.update(first, to: 60)
        memory.update(second, to: 30)
        memory.update(first, to: 0)
        memory.update(first, to: 60)  // begins anew, and is the newer one
        memory.update(first, to: 80)
        #expect(memory.takeExcess() === second)
    }

    @Test(arguments: 0..<50 as Range<UInt64>)
    func `agrees with a list that is searched`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var memory = EdgeMemory(bytesMax: 1000)
        let holders = (0..<20).map(Holder.init)
        var list: [(number: Int, bytes: Int)] = []
        for _ in 0..<500 {
            let holder = holders[Int.random(in: 0..<20, using: &random)]
            let kept = Bool.random(using: &random) ? 0 : Int.random(in: 1...200, using: &random)
            memory.update(holder, to: kept)
            if let index = list.firstIndex(where: { $0.number == holder.number }) {
                list[index].bytes = kept
            } else {
                list.append((holder.number, kept))
            }
            list.removeAll { $0.bytes == 0 }
            while list.reduce(0, { $0 + $1.bytes }) > 1000 {
                let expected = list.removeFirst().number
                let excess = memory.takeExcess() as? Holder
                #expect(excess?.number == expected, "seed \(seed)")
            }
            #expect(memory.takeExcess() == nil && memory.bytes == list.reduce(0) { $0 + $1.bytes }, "seed \(seed)")
        }
    }
}
