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
                    payload: delivery.payload.readableBytesSpan)
            }
            Projector.fold(event, into: &projection)
        }
        #expect(digest == engine.digest)
        #expect(digest.deliveries > 1000)
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
