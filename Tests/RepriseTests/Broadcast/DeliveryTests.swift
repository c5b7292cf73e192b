import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct DeliveryTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func `deliveries one by one give the digest that the engine has`(seed: UInt64) {
        var generator = EventGenerator(seed: seed)
        let events = generator.session(events: 2000)
        var engine = Engine()
        _ = engine.apply(events)

        var projection = Projection()
        var digest = DeliveryDigest()
        for event in events {
            if let delivery = Delivery(of: event, under: generator.configuration) {
                let one: Projection.Member? =
                    if case .connection(let connection) = delivery.target { projection[connection] } else { nil }
                let isForAll = delivery.target == .everyone
                digest.add(
                    at: event.position, count: isForAll ? projection.count : one == nil ? 0 : 1,
                    recipients: isForAll ? projection.memberSet : one?.hash ?? 0, opcode: delivery.opcode,
                    payload: delivery.payload(of: event).readableBytesSpan)
            }
            Projector.fold(event, into: &projection)
        }
        #expect(digest == engine.digest)
        #expect(digest.deliveries > 1000)
    }

    @Test func `a message that is only recorded orders nothing`() throws {
        let table = try RouteTable(selectionExpression: .default, routes: [Route(parsing: "$default=record")])
        let configuration = EngineConfiguration(routes: table)
        var generator = SeededGenerator(seed: 1)
        let connection = ConnectionID(using: &generator)
        let started = SessionStarted(session: SessionID(1), version: "", node: "", configuration: configuration)
        let opened = Connected(
            connection: connection, request: RequestID(using: &generator), sourceIP: "", host: "", stage: "dev")
        let message = Message(
            connection: connection, message: MessageID(using: &generator), request: RequestID(using: &generator),
            opcode: .binary, body: ByteBuffer(bytes: [0]), outcome: .route("$default"))
        let events = [Fact.sessionStarted(started), .connected(opened), .message(message)].enumerated().map {
            Event(position: Position(UInt64($0 + 1)), time: Timestamp(rawValue: 0), fact: $1)
        }
        var engine = Engine()
        let plan = engine.apply(events)
        #expect(Delivery(of: events[2], under: configuration) == nil)
        #expect(plan.run.marks.isEmpty && engine.digest.deliveries == 0 && engine.counts.messages == 1)
    }

    @Test(arguments: 1...5)
    func `a payload that somebody wrote before is delivered as one that the engine writes`(seed: UInt64) {
        var generator = EventGenerator(seed: seed)
        let events = generator.session(events: 1000)
        var (carried, written) = (DecidedEvents(), 0)
        for event in events {
            let decided = Delivery(of: event, under: generator.configuration)
            var delivery = decided
            if let decided, case .rewritten = decided.payload {
                written += 1
                delivery?.payload = .carried(decided.payload(of: event))
            }
            carried.append(event, ordering: delivery)
        }
        var (one, other) = (Engine(), Engine())
        let plan = one.apply(events)
        var carriedPlan = other.emptyPlan
        other.apply(carried, adding: &carriedPlan)
        #expect(one.checkpoint == other.checkpoint)
        #expect(plan.run.bytes == carriedPlan.run.bytes && plan.targeted == carriedPlan.targeted)
        #expect(written > 10)
    }

    @Test func `a reply addresses its sender alone`() throws {
        var generator = EventGenerator(seed: 9)
        let echo = try #require(
            generator.session(events: 500).compactMap { event -> (Event, Message)? in
                if case .message(let message) = event.fact, message.outcome == .route("echo") {
                    (event, message)
                } else {
                    nil
                }
            }.first)
        let delivery = try #require(Delivery(of: echo.0, under: generator.configuration))
        #expect(delivery.addresses(echo.1.connection))
        #expect(!delivery.addresses(ConnectionID(token: Token(high: 1, low: 2))))
    }
}
