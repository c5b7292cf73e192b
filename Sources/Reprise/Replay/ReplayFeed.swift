// The half of a replay that needs no state but the place in the log: reading, checking the chain, decoding, deciding
// routes. It is half of the work, so a replay may let it run ahead of the engine on another core.

/// A stretch of a session that is ready to be applied. Its storage is used again.
struct ReplayBatch: Sendable {
    /// The events in order, and what they order; empty at the end.
    var decided = DecidedEvents()
    /// The checkpoints at positions of `events`.
    var checkpoints: [Checkpoint] = []
    /// The first difference of a route up to the end of the batch.
    var divergence: Divergence?
    var events: [Event] { decided.events }
    /// Bytes of all records up to the end of the batch.
    var recordBytes: UInt64 = 0
    /// The records of the events.
    fileprivate var chunk = LogChunk()
}

/// Reads a session batch by batch.
struct ReplayFeed: Sendable {
    private let log: EventLog
    private var reader: LogReader
    private var routes: RouteComparison
    /// The last position to read.
    var end = Position(.max)

    /// - Parameters:
    ///   - next: the first position to read.
    ///   - routes: what the session goes by, if the feed does not begin with `sessionStarted`.
    ///   - first: the first position where a difference of a route counts.
    init(_ log: EventLog, from next: Position, routes: RouteTable, comparingFrom first: Position) throws(LogError) {
        self.log = log
        reader = try LogReader(log, from: next)
        self.routes = RouteComparison(routes, from: first)
    }

    /// The next position to read.
    var next: Position { reader.next }

    /// Reads the next batch, which is empty where the log or the range ends.
    mutating func read(into batch: inout ReplayBatch) throws(LogError) {
        batch.checkpoints.removeAll(keepingCapacity: true)
        try reader.read(through: end, chunk: &batch.chunk, into: &batch.decided.events)
        batch.decided.decide { routes.decide($0) }
        batch.recordBytes = reader.bytesRead
        guard let first = batch.events.first?.position, let last = batch.events.last?.position else { return }
        batch.divergence = routes.divergence
        batch.checkpoints = try log.checkpoints(from: first, through: last)
    }

    /// Reads on beside whoever takes the batches, as far ahead as there are spare ones.
    consuming func stream() -> ReplayStream { ReplayStream(self) }
}

/// Batches that are read ahead by a task of their own.
///
/// Batches come in order and each holds what `ReplayFeed.read` would have given: what runs when has no part in it.
struct ReplayStream: ~Copyable {
    private let spent: AsyncStream<ReplayBatch>.Continuation
    private var filled: AsyncStream<Result<ReplayBatch, LogError>>.Iterator
    private let task: Task<Void, Never>

    /// How many batches there are: one is applied while others are read.
    private static let batchCount = 3

    init(_ feed: consuming ReplayFeed) {
        let (spares, spent) = AsyncStream.makeStream(of: ReplayBatch.self)
        let (filled, output) = AsyncStream.makeStream(of: Result<ReplayBatch, LogError>.self)
        for _ in 0..<ReplayStream.batchCount { spent.yield(ReplayBatch()) }
        self.spent = spent
        self.filled = filled.makeAsyncIterator()
        task = Task.detached { [feed] in
            var feed = feed
            for await spare in spares {
                var batch = spare
                do throws(LogError) {
                    try feed.read(into: &batch)
                    output.yield(.success(batch))
                } catch {
                    output.yield(.failure(error))
                    break
                }
            }
            output.finish()
        }
    }

    /// The next batch; empty at the end.
    mutating func next() async throws(LogError) -> ReplayBatch {
        try await filled.next(isolation: nil)?.get() ?? ReplayBatch()
    }

    /// Gives a batch back, to be filled again.
    func giveBack(_ batch: consuming ReplayBatch) { spent.yield(batch) }

    deinit {
        spent.finish()
        task.cancel()
    }
}
