// What is in a log, in numbers. Fan-out is derived as deliveries are: by the engine.

internal import LMDB
internal import NIOCore

/// Counts and distributions over a whole log.
public struct LogStatistics: Sendable {
    /// The first and the last position, if the log holds any event.
    public private(set) var positions: ClosedRange<Position>?
    /// The times of the first and the last event.
    public private(set) var times: ClosedRange<Timestamp>?
    /// Events by kind, in the order of `Fact.words`.
    public private(set) var counts: [(word: String, count: UInt64)] = Fact.words.map { ($0, 0) }
    /// Bytes of the payloads of `message` events.
    public private(set) var messageBytes = Distribution()
    /// Recipients of each `message` and `sent`, 0 included.
    public private(set) var recipients = Distribution()
    /// Events and messages over time; `nil` for an empty log.
    public private(set) var rates: EventRates?
    /// The slowest commits that checkpoints tell of, one for each checkpoint at most, slowest first.
    public private(set) var slowestCommits: [Checkpoint.CommitTime] = []
    /// Bytes of the records.
    public private(set) var recordBytes: UInt64 = 0
    /// Recipients, summed over all sessions.
    public var deliveries: UInt64 { recipients.sum }
    /// Connections that are live after the last event.
    public var liveConnections: Int { engine.projection.count }
    /// Bytes of the file that pages occupy so far, free pages included.
    public let usedBytes: Int
    /// Bytes that the file may grow to.
    public let mapBytes: Int
    private var engine = Engine()
    /// The plan of the last event; kept for its storage.
    private var plan = DeliveryPlan()

    /// The most commits that are listed.
    public static let slowestCommitCountMax = 5

    /// Reads a log up to its present end.
    ///
    /// - Parameter progress: is told the last position after each chunk.
    public init(of log: EventLog, progress: (Position) -> Void = { _ in }) throws(LogError) {
        let info = log.environment.info
        usedBytes = info.usedBytes
        mapBytes = info.mapBytes
        guard let first = try log.firstPosition(), let start = try log.event(at: first)?.time else { return }
        let tail = try log.tail()
        let end = tail.position
        rates = EventRates(over: start...max(start, tail.time))
        engine = try log.engineBeforeFirst()
        var reader = try LogReader(log, from: first)
        var events: [Event] = []
        while reader.next <= end {
            try reader.read(through: end, into: &events)
            guard let last = events.last else { break }
            positions = first...last.position
            times = (times?.lowerBound ?? events[0].time)...last.time
            for event in events { note(event) }
            for checkpoint in try log.checkpoints(from: events[0].position, through: last.position) {
                note(checkpoint.observation.slowestCommit)
            }
            progress(last.position)
        }
        recordBytes = reader.bytesRead
    }

    /// Messages per second between the first and the last event; `nil` where no time has passed.
    public var messagesPerSecond: Double? {
        guard let times, times.upperBound > times.lowerBound else { return nil }
        let nanoseconds = Double(times.upperBound.rawValue) - Double(times.lowerBound.rawValue)
        return Double(messageBytes.count) * Double(Timestamp.nanosecondsPerSecond) / nanoseconds
    }

    private mutating func note(_ event: Event) {
        let before = engine.digest.deliveries
        engine.apply(event, ordering: Delivery(of: event, under: engine.configuration), into: &plan)
        rates?.note(event)
        counts[Int(EventCodec.kind(of: event.fact).rawValue) - 1].count += 1
        switch event.fact {
        case .message(let message):
            messageBytes.note(message.body.readableBytes)
            recipients.note(Int(engine.digest.deliveries - before))
        case .sent:
            recipients.note(Int(engine.digest.deliveries - before))
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded:
            break
        }
    }

    private mutating func note(_ commit: Checkpoint.CommitTime?) {
        guard let commit else { return }
        let index = slowestCommits.firstIndex { $0.nanoseconds < commit.nanoseconds } ?? slowestCommits.count
        guard index < LogStatistics.slowestCommitCountMax else { return }
        slowestCommits.insert(commit, at: index)
        if slowestCommits.count > LogStatistics.slowestCommitCountMax { slowestCommits.removeLast() }
    }
}
