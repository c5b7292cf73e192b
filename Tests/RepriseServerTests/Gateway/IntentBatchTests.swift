import NIOCore
import RepriseTesting
import Testing

@testable import Reprise
@testable import RepriseServer

@Suite struct IntentBatchTests {
    private var random = SeededGenerator(seed: 1)
    private var parser = FrameParser(limits: FrameParser.Limits(messageBytesMax: 1 << 20, allowsBinary: true))
    private var batch = IntentBatch(shard: 3, routes: .default)

    /// Parses a text message.
    private mutating func parse(_ text: String) -> Range<Int>? {
        var bytes = ByteBuffer(bytes: LiveClient.frame(1, Array(text.utf8)))
        guard case .message(.text, let body)? = batch.parse(&bytes, with: &parser) else { return nil }
        return body
    }

    private mutating func add(_ text: String) throws -> Int {
        let body = try #require(parse(text))
        return batch.addMessage(
            MessageID(using: &random), RequestID(using: &random), from: ConnectionID(token: Token(high: 1, low: 1)),
            .text, body: body)
    }

    @Test mutating func `gives every message its body and what it orders, in order`() throws {
        _ = try add(#"{"action":"onMessage","data":"one"}"#)
        batch.add(Intent(fact: .sessionEnded(.shutdown), shard: 3))
        _ = try add(#"{"action":"onMessage","data":[1.0, 2]}"#)
        _ = try add("nothing")
        let intents = batch.take()
        #expect(intents.map(\.shard) == [3, 3, 3, 3])
        var said: [String] = []
        for intent in intents {
            guard case .message(let message) = intent.fact else {
                said.append("other")
                continue
            }
            let event = Event(position: Position(1), time: Timestamp(rawValue: 0), fact: intent.fact)
            let delivery = try #require(intent.delivery)
            let isCarried = if case .carried = delivery.payload { true } else { false }
            said.append(
                "\(String(buffer: message.body)) \(message.outcome): \(String(buffer: delivery.payload(of: event)).prefix(25))"
                    + (isCarried ? ", carried" : ""))
        }
        #expect(
            said == [
                #"{"action":"onMessage","data":"one"} route onMessage: "one""#, "other",
                #"{"action":"onMessage","data":[1.0, 2]} route onMessage: [1,2], carried"#,
                #"nothing refused (Forbidden): {"message": "Forbidden", "#,
            ])
        #expect(batch.take().isEmpty && batch.payloadBytes == 0)
    }

    @Test mutating func `counts what a message costs in the log and in memory`() throws {
        let text = #"{"action":"onMessage","data":[1.0,2.0]}"#
        let weight = try add(text)
        #expect(weight == text.utf8.count + "[1,2]".utf8.count + 256)
        #expect(batch.rewrittenBytes == text.utf8.count)
        let intents = batch.take()
        #expect(IntentWeight(of: intents).memoryBytes == weight)
        #expect(IntentWeight(of: intents).logBytes == text.utf8.count + 256)
        _ = try add(#"{"action":"onMessage","data":[1,2]}"#)
        #expect(batch.rewrittenBytes == text.utf8.count, "canonical text costs nothing")
    }

    @Test mutating func `keeps nothing of a message that nobody wants`() throws {
        let body = try #require(parse("unwanted"))
        batch.discardMessage(body)
        #expect(batch.payloadBytes == 0)
        _ = try add("wanted")
        #expect(batch.payloadBytes == "wanted".utf8.count)
    }
}
