import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

/// The design's definition once more, with nothing shared but XXH64: bytes put side by side and hashed.
private struct ReferenceDigest {
    var value: UInt64 = 0
    var deliveries: UInt64 = 0

    mutating func add(_ position: Position, to recipients: [ConnectionID], _ opcode: UInt8, _ payload: [UInt8]) {
        if recipients.isEmpty { return }
        let sum = recipients.reduce(0 as UInt64) { $0 &+ ReferenceDigest.hash(Array($1.text.utf8)) }
        var bytes: [UInt8] = []
        for word in [value, position.rawValue, UInt64(recipients.count), sum] { bytes += word.littleEndianBytes }
        bytes.append(opcode)
        bytes += ReferenceDigest.hash(payload).littleEndianBytes
        value = ReferenceDigest.hash(bytes)
        deliveries += UInt64(recipients.count)
    }

    static func hash(_ bytes: [UInt8]) -> UInt64 { unsafe XXH64.hash(bytes.span.bytes) }
}

@Suite struct DeliveryDigestTests {
    @Test func `the digest is the design's formula`() {
        var random = SeededGenerator(seed: 21)
        var digest = DeliveryDigest()
        var reference = ReferenceDigest()
        for number in 1...500 {
            let recipients = (0..<Int.random(in: 0..<5, using: &random)).map { _ in ConnectionID(using: &random) }
            let payload = (0..<Int.random(in: 0..<100, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            let opcode: MessageOpcode = Bool.random(using: &random) ? .text : .binary
            let sum = recipients.reduce(0 as UInt64) { $0 &+ XXH64.hash($1.token.ascii) }
            unsafe digest.add(
                at: Position(UInt64(number)), count: recipients.count, recipients: sum, opcode: opcode,
                payload: payload.span.bytes)
            reference.add(Position(UInt64(number)), to: recipients, opcode.rawValue, payload)
            #expect(digest.value == reference.value)
            #expect(digest.deliveries == reference.deliveries)
        }
    }

    @Test func `the engine digests what the routes order, to whom they order it`() {
        var generator = EventGenerator(seed: 22)
        let events = generator.session(events: 3000)
        var engine = Engine()
        _ = engine.apply(events)

        var reference = ReferenceDigest()
        var live: [ConnectionID] = []
        for event in events {
            switch event.fact {
            case .connected(let connected): live.append(connected.connection)
            case .disconnected(let disconnected): live.removeAll { $0 == disconnected.connection }
            case .sent(let sent):
                let recipients =
                    switch sent.target {
                    case .everyone: live
                    case .connection(let connection): live.filter { $0 == connection }
                    }
                reference.add(event.position, to: recipients, sent.opcode.rawValue, Array(sent.body.readableBytesView))
            case .message(let message):
                let sender = live.filter { $0 == message.connection }
                let (recipients, isJSON) =
                    switch message.outcome {
                    case .refused: (sender, true)
                    case .route("onMessage"): (live, true)
                    case .route("shout"): (live, false)
                    case .route("me"): (sender, true)
                    case .route: (sender, false)
                    }
                let payload = payload(of: message, configuration: generator.configuration)
                reference.add(event.position, to: recipients, isJSON ? 1 : message.opcode.rawValue, payload)
            case .sessionStarted, .skipped, .sessionEnded: break
            }
        }
        #expect(engine.digest.value == reference.value)
        #expect(engine.digest.deliveries == reference.deliveries)
        #expect(reference.deliveries > 1000)
    }

    private func payload(of message: Message, configuration: EngineConfiguration) -> [UInt8] {
        var payload = ByteBuffer()
        switch message.outcome {
        case .refused(let refusal):
            let ids = "\"connectionId\":\"\(message.connection)\", \"requestId\":\"\(message.request)\"}"
            payload.writeString("{\"message\": \"\(refusal.message)\", \(ids)")
        case .route("onMessage"), .route("me"):
            CanonicalJSON.appendData(of: message.body.readableBytesSpan, to: &payload)
        case .route:
            payload.writeImmutableBuffer(message.body)
        }
        return Array(payload.readableBytesView)
    }

    @Test func `the member set is the sum of the members' hashes, in any order`() {
        var random = SeededGenerator(seed: 23)
        let ids = (0..<50).map { _ in ConnectionID(using: &random) }
        var projection = Projection()
        for id in ids { projection.open(id, at: Position(1)) }
        for id in ids.prefix(20).shuffled(using: &random) { projection.close(id) }
        let expected = ids.dropFirst(20).reduce(0 as UInt64) { $0 &+ ReferenceDigest.hash(Array($1.text.utf8)) }
        #expect(projection.memberSet == expected)
    }

    @Test func `how events are cut into batches does not change the digests`() {
        var generator = EventGenerator(seed: 24)
        let events = generator.session(events: 500)
        var whole = Engine()
        _ = whole.apply(events)
        var single = Engine()
        for event in events { _ = single.apply([event]) }
        #expect(whole.checkpoint == single.checkpoint)
        #expect(whole.counts == single.counts)
    }
}
