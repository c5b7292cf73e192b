// What a loop keeps for connections that left the ring: whose turn it is to read, and gaps that the log has to know.

internal import NIOCore
internal import Reprise

/// Reads that wait for their turn: a bounded number of a loop's connections is given chunks at a time.
struct CatchUpQueue {
    /// The most reads that are with the reader at a time. Each ends in one chunk.
    static let runningMax = 16

    var waiting = CircularBuffer<(connection: ConnectionID, request: CatchUp.Request)>()
    var runningCount = 0
}

/// Gaps of one connection that have ended, until the log has them.
struct UnrecordedGaps {
    /// How many.
    var count: Int
    /// The position before the first.
    var deliveredThrough: Position
}

extension Shard {
    // MARK: Reading

    /// Reads from the log for a connection, when its turn has come.
    func read(_ request: CatchUp.Request, for connection: ConnectionID) {
        catchUps.waiting.append((connection, request))
        startReads()
    }

    private func startReads() {
        guard let reader else { preconditionFailure("a connection catches up without a reader") }
        while catchUps.runningCount < CatchUpQueue.runningMax, let next = catchUps.waiting.popFirst() {
            guard connections[next.connection]?.outbox.phase == .behind else { continue }  // it was closed
            catchUps.runningCount += 1
            reader.read(next.request, for: next.connection) { result in
                self.eventLoop.execute { self.finishRead(for: next.connection, result) }
            }
        }
    }

    private func finishRead(for connection: ConnectionID, _ result: Result<CatchUp.Chunk, LogError>) {
        catchUps.runningCount -= 1
        connections[connection]?.received(result)
        trimRing()  // what the socket did not take counts
        startReads()
    }

    // MARK: Gaps

    /// A connection was sent nothing for some positions. The log must know before a checkpoint may say that it was sent
    /// everything.
    func record(_ skipped: ClosedRange<Position>, of connection: ConnectionID) {
        gaps[connection, default: UnrecordedGaps(count: 0, deliveredThrough: skipped.lowerBound.previous)].count += 1
        gateway?.submit(
            .skipped(Skipped(connection: connection, first: skipped.lowerBound, last: skipped.upperBound)))
    }

    /// The log has the first of a connection's gaps.
    func gapWasRecorded(of connection: ConnectionID) {
        gaps[connection]?.count -= 1
        if gaps[connection]?.count == 0 { gaps[connection] = nil }
    }
}
