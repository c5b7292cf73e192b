import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct CheckpointTests {
    private static let behind = Checkpoint.Behind(
        connection: ConnectionID(token: Token(high: 1, low: 2)), deliveredThrough: Position(7))

    private func checkpoint(_ commit: Checkpoint.CommitTime?) -> Checkpoint {
        Checkpoint(
            position: Position(9), digest: 1, memberSet: 2, liveCount: 3, events: 4, deliveries: 5,
            observation: Checkpoint.Observation(
                performedThrough: Position(8), behind: [CheckpointTests.behind], slowestCommit: commit))
    }

    private func decode(_ bytes: ByteBuffer) throws -> Checkpoint {
        var fields = RecordFields(bytes, endIndex: bytes.writerIndex)
        return try Checkpoint(decoding: &fields, at: Position(9))
    }

    @Test(arguments: [nil, Checkpoint.CommitTime(last: Position(6), nanoseconds: 123_456_789)])
    func `what is encoded is decoded`(commit: Checkpoint.CommitTime?) throws {
        #expect(try decode(checkpoint(commit).encoded()) == checkpoint(commit))
    }

    @Test func `a checkpoint from before commits were measured has none, and the same bytes as today's without one`()
        throws
    {
        // digest 1, memberSet 2, liveCount 3, events 4, deliveries 5, performedThrough 8, not truncated, one behind.
        var stored = ByteBuffer()
        for word in [1, 2, 3, 4, 5, 8] as [UInt64] { stored.writeInteger(word, endianness: .little) }
        stored.writeBytes([0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 2, 7, 0, 0, 0, 0, 0, 0, 0])
        #expect(try decode(stored) == checkpoint(nil))
        #expect(checkpoint(nil).encoded() == stored)
    }

    @Test func `half a commit time is refused`() throws {
        let whole = checkpoint(Checkpoint.CommitTime(last: Position(6), nanoseconds: 1)).encoded()
        for count in 1..<16 {
            let cut = try #require(whole.getSlice(at: 0, length: whole.readableBytes - count))
            #expect(throws: RecordDamage.self) { try decode(cut) }
        }
    }

    @Test func `the commit time is not compared by replay`() {
        #expect(checkpoint(nil).agrees(with: checkpoint(.init(last: Position(6), nanoseconds: 1))))
    }
}
