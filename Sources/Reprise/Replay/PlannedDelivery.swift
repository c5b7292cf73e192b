// What a delivery is to those who compare two of them: to whom, how many, and which bytes.

public import NIOCore

/// A delivery with its recipients counted.
public struct PlannedDelivery: Equatable, Sendable {
    /// Whom it addresses.
    public var target: SendTarget
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The WebSocket payload.
    public var payload: ByteBuffer
    /// |R|: how many live connections it goes to; more than 0.
    public var recipients: UInt64
    /// Σ XXH64(id of R), modulo 2⁶⁴.
    public var recipientSum: UInt64

    /// What an event delivers, or `nil` when nobody gets anything.
    ///
    /// - Parameter projection: the live connection set before the event.
    public init?(of event: Event, under configuration: EngineConfiguration, to projection: Projection) {
        guard let delivery = Delivery(of: event, under: configuration) else { return nil }
        switch delivery.target {
        case .everyone:
            guard projection.count > 0 else { return nil }
            recipients = UInt64(projection.count)
            recipientSum = projection.memberSet
        case .connection(let connection):
            guard let member = projection[connection] else { return nil }
            recipients = 1
            recipientSum = member.hash
        }
        target = delivery.target
        opcode = delivery.opcode
        payload = delivery.payload(of: event)
    }

    /// Whether the same bytes go to the same connections. The position has no part in it.
    public static func == (left: PlannedDelivery, right: PlannedDelivery) -> Bool {
        left.recipients == right.recipients && left.recipientSum == right.recipientSum && left.carriesSame(as: right)
    }

    /// Whether the bytes are the same, whoever gets them.
    public func carriesSame(as other: PlannedDelivery) -> Bool {
        opcode == other.opcode && payload == other.payload
    }
}

/// Folds events and says what each delivers, also of a log that makes no sense: two logs of which one is broken can be
/// compared. It has no precondition on positions, unlike the engine.
public struct DeliveryFold: Equatable, Sendable {
    /// The live connection set after the last event.
    public private(set) var projection = Projection()
    /// What the running session goes by.
    public private(set) var configuration = EngineConfiguration()
    /// Positions that delivered something.
    public private(set) var deliveries: UInt64 = 0
    /// Recipients, summed over them.
    public private(set) var recipients: UInt64 = 0

    /// Before the first event of a log that has its beginning.
    public init() {}

    /// Before the first event that a log holds.
    public init(before log: EventLog) throws(LogError) {
        guard let first = try log.firstPosition(), first > Position(1) else { return }
        projection = Projection(position: first.previous)
        guard let session = try log.sessions().last(where: { $0.first < first }),
            session.last.map({ $0 >= first }) ?? true
        else { return }
        let engine = try Engine(before: session, in: log)
        projection = engine.projection
        configuration = engine.session?.configuration ?? configuration
    }

    /// Folds one event.
    ///
    /// - Returns: what it delivers, `nil` if nothing.
    public mutating func fold(_ event: Event) -> PlannedDelivery? {
        if case .sessionStarted(let started) = event.fact { configuration = started.configuration }
        let planned = PlannedDelivery(of: event, under: configuration, to: projection)
        Projector.fold(event, into: &projection)
        guard let planned else { return nil }
        deliveries += 1
        recipients += planned.recipients
        return planned
    }
}
