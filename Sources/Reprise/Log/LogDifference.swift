// Two logs, side by side. Neither has to make sense: finding out where one stopped making sense is what this is for.

internal import NIOCore

/// Where events come from, in the order in which they are kept.
public protocol EventSource {
    /// Takes the next events; none at the end.
    ///
    /// - Parameter events: emptied first; keeps its storage.
    mutating func read(into events: inout [Event]) throws
}

/// What two logs have in common, and where they part.
///
/// Events are laid side by side by their position, and so are the deliveries that they order. Owner: one thread; holds
/// nothing but the live sets, the counts and the first difference.
public struct LogDifference: Sendable {
    /// One of the two.
    public struct Side: Sendable {
        /// Events by kind, in the order of `Fact.words`.
        public fileprivate(set) var events = [UInt64](repeating: 0, count: Fact.words.count)
        /// The position of the last event.
        public fileprivate(set) var last = Position.zero
        /// What the events deliver.
        public fileprivate(set) var fold = DeliveryFold()

        /// Events of every kind.
        public var total: UInt64 { events.reduce(0, +) }
    }

    /// The first difference.
    public struct First: Sendable {
        /// The position.
        public var position: Position
        /// In what the events differ; `nil` where one log has none at the position, or where both are equal and only the
        /// deliveries differ.
        public var difference: EventDifference?
        /// The event on the left.
        public var left: Event?
        /// The event on the right.
        public var right: Event?
        /// What the event on the left delivers.
        public var leftDelivery: PlannedDelivery?
        /// What the event on the right delivers.
        public var rightDelivery: PlannedDelivery?
    }

    /// The left log.
    public private(set) var left = Side()
    /// The right log.
    public var right: Side { rightSide ?? left }
    /// Positions at which both have an event, and these differ.
    public private(set) var eventsDiffering: UInt64 = 0
    /// Positions at which only the left has an event.
    public private(set) var eventsOnlyLeft: UInt64 = 0
    /// Positions at which only the right has an event.
    public private(set) var eventsOnlyRight: UInt64 = 0
    /// Positions whose deliveries differ: other recipients, other bytes, or none on one side.
    public private(set) var deliveriesDiffering: UInt64 = 0
    /// The first difference of any kind.
    public private(set) var first: First?
    /// `nil` as long as the right is the left: it is folded once then.
    private var rightSide: Side?
    private let comparesTimes: Bool

    /// Before the first event.
    ///
    /// - Parameters:
    ///   - comparesTimes: whether a time that differs is a difference. Two recordings of the same clients never have the
    ///     same times.
    ///   - left: where the left begins; so for the right. They are not the same where a log lost its beginning.
    public init(comparesTimes: Bool = false, left: DeliveryFold = DeliveryFold(), right: DeliveryFold = DeliveryFold())
    {
        self.comparesTimes = comparesTimes
        self.left.fold = left
        guard left != right else { return }
        var side = Side()
        side.fold = right
        rightSide = side
    }

    /// Compares two sources to their ends.
    ///
    /// - Parameter note: is given the position that was reached, once for every batch of the left.
    /// - Throws: what the sources throw.
    public mutating func run(
        _ left: inout some EventSource, _ right: inout some EventSource, note: (Position) -> Void = { _ in }
    ) throws {
        var (one, other) = (Cursor(), Cursor())
        while true {
            if try one.fill(from: &left) { note(self.left.last) }
            _ = try other.fill(from: &right)
            switch (one.event, other.event) {
            case (nil, nil): return
            case (let event?, nil): take(left: one.take(event), right: nil)
            case (nil, let event?): take(left: nil, right: other.take(event))
            case (let event?, let partner?) where event.position < partner.position:
                take(left: one.take(event), right: nil)
            case (let event?, let partner?) where event.position > partner.position:
                take(left: nil, right: other.take(partner))
            case (let event?, let partner?): take(left: one.take(event), right: other.take(partner))
            }
        }
    }

    /// Compares what the two have at one position.
    private mutating func take(left event: Event?, right partner: Event?) {
        let position = event?.position ?? partner?.position ?? .zero
        var difference: EventDifference?
        var isEqual = false
        if let event, let partner {
            difference = EventDifference(event, partner, comparesTimes: comparesTimes)
            isEqual = difference == nil
            if !isEqual { eventsDiffering += 1 }
        } else if event != nil {
            eventsOnlyLeft += 1
        } else {
            eventsOnlyRight += 1
        }
        if !isEqual, rightSide == nil { rightSide = left }

        let leftDelivery = event.flatMap { left.take($0) }
        guard rightSide != nil else { return }
        let rightDelivery = partner.flatMap { rightSide?.take($0) }
        let areDeliveriesEqual = leftDelivery == rightDelivery
        if !areDeliveriesEqual { deliveriesDiffering += 1 }
        if first == nil, !isEqual || !areDeliveriesEqual {
            first = First(
                position: position, difference: difference, left: event, right: partner, leftDelivery: leftDelivery,
                rightDelivery: rightDelivery)
        }
    }
}

extension LogDifference.Side {
    fileprivate mutating func take(_ event: Event) -> PlannedDelivery? {
        events[event.fact.ordinal] += 1
        last = event.position
        return fold.fold(event)
    }
}

/// The place in a batch.
private struct Cursor {
    private var events: [Event] = []
    private var index = 0

    /// The next event.
    var event: Event? { index < events.count ? events[index] : nil }

    /// Reads a batch where there is none left.
    ///
    /// - Returns: whether it read one.
    mutating func fill(from source: inout some EventSource) throws -> Bool {
        guard index == events.count else { return false }
        try source.read(into: &events)
        index = 0
        return true
    }

    mutating func take(_ event: Event) -> Event {
        index += 1
        return event
    }
}

extension Fact {
    /// The place of its kind in `Fact.words`.
    var ordinal: Int {
        switch self {
        case .sessionStarted: 0
        case .connected: 1
        case .message: 2
        case .sent: 3
        case .disconnected: 4
        case .skipped: 5
        case .sessionEnded: 6
        }
    }
}

/// A log as a source, from its first position to the end that it had when this was made.
public struct LogEvents: EventSource {
    private var reader: LogReader?
    /// Where the log ended then.
    public let last: Position
    /// What is live before its first event.
    public let start: DeliveryFold

    /// Reads a log.
    public init(_ log: EventLog) throws(LogError) {
        start = try DeliveryFold(before: log)
        last = try log.tail().position
        guard let first = try log.firstPosition() else { return }
        reader = try LogReader(log, from: first)
    }

    /// Takes the next events.
    ///
    /// - Throws: `LogError`.
    public mutating func read(into events: inout [Event]) throws {
        guard let next = reader?.next, next <= last else { return events.removeAll(keepingCapacity: true) }
        try reader?.read(through: last, into: &events)
    }
}
