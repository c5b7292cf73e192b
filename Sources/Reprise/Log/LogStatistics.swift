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
    /// Recipients, summed over all sessions.
    public var deliveries: UInt64 { recipients.sum }
    /// Connections that are live after the last event.
    public var liveConnections: Int { engine.projection.count }
    /// Bytes of the file that pages occupy so far, free pages included.
    public let usedBytes: Int
    /// Bytes that the file may grow to.
    public let mapBytes: Int
    private var engine = Engine()

    /// Reads a log up to its present end.
    ///
    /// - Parameter progress: is told the last position after each chunk.
    public init(of log: EventLog, progress: (Position) -> Void = { _ in }) throws(LogError) {
        let info = log.environment.info
        usedBytes = info.usedBytes
        mapBytes = info.mapBytes
        guard let first = try log.firstPosition() else { return }
        let end = try log.tail().position
        engine = try log.engineBeforeFirst()
        var reader = try LogReader(log, from: first)
        while reader.next <= end {
            let events = try reader.read(through: end)
            guard let last = events.last else { break }
            positions = first...last.position
            times = (times?.lowerBound ?? events[0].time)...last.time
            for event in events { note(event) }
            progress(last.position)
        }
    }

    /// Messages per second between the first and the last event; `nil` where no time has passed.
    public var messagesPerSecond: Double? {
        guard let times, times.upperBound > times.lowerBound else { return nil }
        let nanoseconds = Double(times.upperBound.rawValue) - Double(times.lowerBound.rawValue)
        return Double(messageBytes.count) * Double(Timestamp.nanosecondsPerSecond) / nanoseconds
    }

    private mutating func note(_ event: Event) {
        let before = engine.digest.deliveries
        _ = engine.apply(CollectionOfOne(event))
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
}
