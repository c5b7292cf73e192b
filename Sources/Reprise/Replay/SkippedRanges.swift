// A gap is recorded when it ends, so the event comes after the deliveries that it speaks of. Who walks forward needs to
// know before: this walks ahead, no further than it must, and keeps nothing that has been passed.

/// The ranges that one connection skipped, for positions that are asked for in ascending order.
struct SkippedRanges: Sendable {
    typealias Gap = Explanation.Gap

    private let connection: ConnectionID
    private var reader: LogReader
    /// Gaps that were read and not passed, in order. At most those of one chunk.
    private var ahead: ArraySlice<Gap> = []
    private var events: [Event] = []

    /// Looks at the events from `position` on.
    init(of connection: ConnectionID, in log: EventLog, from position: Position) throws(LogError) {
        self.connection = connection
        reader = try LogReader(log, from: position)
    }

    /// The gap that a position lies in, by what the log says up to `end`.
    ///
    /// - Complexity: O(events) over all calls. It is the first gap behind the position that decides, for gaps are in
    ///   order and do not overlap.
    mutating func gap(around position: Position, through end: Position) throws(LogError) -> Gap? {
        while true {
            while let first = ahead.first, first.skipped.last < position { ahead.removeFirst() }
            if let first = ahead.first { return first.skipped.first <= position ? first : nil }
            try reader.read(through: end, into: &events)
            if events.isEmpty { return nil }
            ahead = []
            for event in events {
                guard case .skipped(let skipped) = event.fact, skipped.connection == connection else { continue }
                ahead.append(Gap(position: event.position, skipped: skipped))
            }
        }
    }
}
