import Reprise
import Testing

@testable import RepriseServer

@Suite struct `What shards have done` {
    private func observed(_ position: UInt64, _ behind: [UInt64] = [], isTruncated: Bool = false) -> ShardObservation {
        let observation = ShardObservation()
        observation.update(
            Checkpoint.Observation(
                performedThrough: Position(position),
                behind: behind.map { number in
                    Checkpoint.Behind(
                        connection: ConnectionID(token: Token(high: number, low: 0)), deliveredThrough: Position(number)
                    )
                }, isTruncated: isTruncated))
        return observation
    }

    private func numbers(_ observation: Checkpoint.Observation) -> [UInt64] {
        observation.behind.map(\.deliveredThrough.rawValue)
    }

    @Test func `is what the slowest has performed`() {
        let combined = ShardObservation.combined([observed(7), observed(5), observed(9)])
        #expect(combined.performedThrough == Position(5))
        #expect(!combined.isTruncated)
    }

    @Test func `is nothing where there are none`() {
        #expect(ShardObservation.combined([]) == Checkpoint.Observation(performedThrough: .zero))
    }

    @Test func `lists who is behind in order of id`() {
        let combined = ShardObservation.combined([observed(9, [4, 1]), observed(9, [3]), observed(9, [2])])
        #expect(numbers(combined) == [1, 2, 3, 4])
    }

    @Test func `is truncated where one of them is`() {
        #expect(ShardObservation.combined([observed(1, isTruncated: true), observed(1)]).isTruncated)
        #expect(ShardObservation.combined([observed(1), observed(1, isTruncated: true)]).isTruncated)
    }

    @Test func `is truncated where together they are too many`() {
        let max = UInt64(Checkpoint.Observation.behindCountMax)
        let fits = ShardObservation.combined([observed(1, Array(1...max / 2)), observed(1, Array(max / 2 + 1...max))])
        #expect(!fits.isTruncated)
        #expect(fits.behind.count == Int(max))
        let cut = ShardObservation.combined([observed(1, Array(1...max)), observed(1, [max + 1])])
        #expect(cut.isTruncated)
        #expect(numbers(cut) == Array(1...max))
    }
}
