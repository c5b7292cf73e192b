/// Events and what each of them orders, side by side: an event never travels without its decision.
public struct DecidedEvents: Sendable {
    /// The events, in order of position.
    public internal(set) var events: [Event] = []
    /// For each event its delivery, `nil` where it orders none.
    public private(set) var deliveries: [Delivery?] = []

    /// None.
    public init() {}

    /// Makes room for more.
    public mutating func reserveCapacity(_ count: Int) {
        events.reserveCapacity(count)
        deliveries.reserveCapacity(count)
    }

    /// Adds an event.
    public mutating func append(_ event: Event, ordering delivery: Delivery?) {
        events.append(event)
        deliveries.append(delivery)
    }

    /// Decides what `events` order that were read, in place of what was decided before.
    ///
    /// - Parameter decide: is given each event in order.
    mutating func decide(_ decide: (Event) -> Delivery?) {
        deliveries.removeAll(keepingCapacity: true)
        for event in events { deliveries.append(decide(event)) }
    }
}
