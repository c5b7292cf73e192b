import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

/// Random JSON whose content is told apart from placeholders: it has no x, 1, é, あ, 😀.
private struct JSONGenerator {
    var random: SeededGenerator
    /// The text of every string, key and number that was written, as it was spelled.
    var contents: [String] = []

    mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &random)]
    }

    mutating func string() -> String {
        let pieces = (0..<Int.random(in: 0..<14, using: &random)).map { _ in
            pick([
                "a", "b", "7", " ", "-", "ü", "語", "🙂", "c\\u00fcd", "e\\tf", "g\\\"h", "i\\/j", "k\\ud83e\\ude70",
                "\\ud83dl",
                "m\\u0007n", "o\\u0041",
            ])
        }
        let text = pieces.joined()
        contents.append(text)
        return "\"\(text)\""
    }

    mutating func number() -> String {
        func digits(_ count: Int) -> String {
            (0..<count).map { _ in pick(["2", "3", "4", "5", "6", "7", "8", "9", "0"]) }.joined()
        }
        var text = pick(["", "-"])
        text += pick(["0", pick(["2", "5", "9"]) + digits(Int.random(in: 0..<24, using: &random))])
        if Bool.random(using: &random) { text += "." + digits(Int.random(in: 1..<24, using: &random)) }
        if Int.random(in: 0..<3, using: &random) == 0 {
            text += pick(["e", "E"]) + pick(["", "+", "-"]) + pick(["0", "3", "07", "22", "400"])
        }
        contents.append(text)
        return text
    }

    mutating func value(_ depth: Int = 0) -> String {
        switch Int.random(in: 0..<(depth > 3 ? 5 : 8), using: &random) {
        case 0: return pick(["true", "false", "null"])
        case 1, 2: return number()
        case 3, 4: return string()
        case 5:
            return "["
                + (0..<Int.random(in: 0..<4, using: &random)).map { _ in value(depth + 1) }.joined(
                    separator: pick([",", " , "])) + "]"
        default: return object(depth)
        }
    }

    mutating func object(_ depth: Int, with more: [String] = []) -> String {
        var members = more
        var keys: [String] = []
        for _ in 0..<Int.random(in: 0..<5, using: &random) {
            let key =
                keys.isEmpty || Bool.random(using: &random)
                ? pick([string(), "\"\(Int.random(in: 2..<9, using: &random))\"", "\"k\""]) : pick(keys)
            keys.append(key)
            members.insert(
                "\(key)\(pick([":", " : ", ":\t"]))\(value(depth + 1))",
                at: Int.random(in: 0...members.count, using: &random))
        }
        return "{" + members.joined(separator: ",") + pick(["", " "]) + "}"
    }
}

@Suite struct RedactionTests {
    private let folder = TemporaryFolder()
    private static let key = SipHash.Key(1, 2)

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `a body keeps its route and the length of what is delivered, and nothing of its content`(seed: UInt64) throws {
        var generator = JSONGenerator(random: SeededGenerator(seed: seed))
        let expressions = [
            "$request.body.action", "${request.body.a.b[1]}-${request.body.action}", "$request.body.data.k",
        ]
        for _ in 0..<50 {
            generator.contents = []
            let expression = try RouteSelectionExpression(generator.pick(expressions))
            let table = try RouteTable(
                selectionExpression: expression,
                routes: ["go=broadcast:data", "k-go=echo:message"].map { try Route(parsing: $0) })
            var fixed = ["\"action\":\"go\""]
            if Bool.random(using: &generator.random) { fixed.append("\"data\":\(generator.value())") }
            if Bool.random(using: &generator.random) { fixed.append("\"a\":{\"b\":[0,\"k\"]}") }
            let text = generator.pick([generator.object(0, with: fixed), generator.value(), generator.object(0)])
            let body = ByteBuffer(string: text)
            let redacted = RedactedBody.text(body, selectedBy: expression)
            let shown = String(buffer: redacted)
            #expect(redacted.readableBytes == body.readableBytes)
            #expect(
                table.outcome(of: redacted.readableBytesSpan, opcode: .text)
                    == table.outcome(of: body.readableBytesSpan, opcode: .text),
                "\(text) became \(shown)")
            var (old, new) = (ByteBuffer(), ByteBuffer())
            #expect(
                CanonicalJSON.appendData(of: body.readableBytesSpan, to: &old)
                    == CanonicalJSON.appendData(of: redacted.readableBytesSpan, to: &new))
            #expect(old.readableBytes == new.readableBytes, "\(text) became \(shown)")
            let kept = expression.text == "$request.body.data.k"  // then content may be what selects
            if !kept { for content in generator.contents { expectNothing(of: content, in: shown) } }
        }
    }

    /// No eight bytes of `content` in a row.
    private func expectNothing(of content: String, in text: String) {
        let (bytes, shown) = (Array(content.utf8), Array(text.utf8))
        guard bytes.count >= 8, shown.count >= 8 else { return }
        let windows = Set((0...shown.count - 8).map { Array(shown[$0..<$0 + 8]) })
        for start in 0...bytes.count - 8 {
            let window = Array(bytes[start..<start + 8])
            // Zeros may stay where the length of a number depends on them.
            if window.allSatisfy({ "0.-+eE".utf8.contains($0) }) { continue }
            let isGone = !windows.contains(window)
            #expect(isGone, "\(String(decoding: window, as: UTF8.self)) of \(content) is still in \(text)")
        }
    }

    @Test(arguments: [
        ("{\"action\":\"go\",\"name\":\"Alice\"}", "{\"action\":\"go\",\"xxxx\":\"xxxxx\"}"),
        (
            "{\"action\":\"go\",\"data\":{\"a\":1,\"b\":22.5,\"a\":-0}}",
            "{\"action\":\"go\",\"data\":{\"x\":1,\"a\":11.1,\"x\":-0}}"
        ),
        ("{\"action\":\"go\",\"action\":\"gone\"}", "{\"action\":\"xx\",\"action\":\"gone\"}"),
        ("[4111111111111111, 1.0, 1e3]", "[1111111111111111, 1.0, 1e3]"),
        ("my \"secret\", naïve 語🙂", "xxxxxxxxxxxxxxxxxéxx"),
        ("\"\\u00fc\\ud83d\\ude42\\/\\n\\\"\"", "\"\\u00e9\\ud83d\\ude00\\/\\n\\n\""),
        ("", ""), ("{", "x"),
    ])
    func `bodies become what a reader expects`(text: String, expected: String) {
        let shown = String(buffer: RedactedBody.text(ByteBuffer(string: text), selectedBy: .default))
        if text.hasPrefix("my") {
            #expect(shown.utf8.count == text.utf8.count && shown.allSatisfy { "xéあ😀".contains($0) })
        } else {
            #expect(shown == expected)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `a redacted recording replays to the same decisions, recipients and lengths`(seed: UInt64) throws {
        var generator = EventGenerator(seed: 80 + seed)
        let events = generator.session(events: 600) + generator.session(events: 30)
        var redaction = Redaction(key: Self.key)
        let redacted = events.map { redaction.redact($0) }
        var log = try LogImport(into: folder.path, id: LogID(rawValue: 9), mapBytes: LogBuilder.mapBytes)
        var lines = ByteBuffer()
        for event in redacted {
            EventJSON.append(event, to: &lines)
            lines.writeString("\n")
        }
        try log.append(lines)
        _ = try log.finish()
        let copy = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        for session in try copy.sessions() {
            var replayer = try Replayer(copy, session: session)
            #expect(try replayer.run().divergence == nil)
        }
        var (old, new) = (DeliveryFold(), DeliveryFold())
        for (event, other) in zip(events, redacted) {
            let (one, another) = (old.fold(event), new.fold(other))
            #expect(one?.recipients == another?.recipients)
            #expect(one?.opcode == another?.opcode)
            #expect(
                one?.payload.readableBytes == another?.payload.readableBytes,
                "position \(event.position)")
            #expect(event.time == other.time && event.fact.word == other.fact.word)
            guard case .message(let message) = event.fact, case .message(let masked) = other.fact else { continue }
            #expect(message.outcome == masked.outcome)
        }
        #expect(old.recipients > 0)
    }

    @Test func `pseudonyms are stable for a key, and different for another one`() throws {
        var generator = EventGenerator(seed: 90)
        let events = generator.session(events: 300)
        func redact(_ key: SipHash.Key) -> [Event] {
            var redaction = Redaction(key: key)
            return events.map { redaction.redact($0) }
        }
        #expect(redact(Self.key) == redact(Self.key))
        #expect(redact(Self.key) != redact(SipHash.Key(1, 3)))
        let ids = Set(events.compactMap(\.fact.connection))
        let masked = Set(redact(Self.key).compactMap(\.fact.connection))
        #expect(ids.count == masked.count)
        #expect(ids.isDisjoint(with: masked))
        #expect(masked.allSatisfy { !$0.text.hasPrefix("-") })
    }

    @Test func `who a client is does not stay`() throws {
        var redaction = Redaction(key: Self.key)
        let id = ConnectionID(token: Token(high: 7, low: 7))
        let connected = Connected(
            connection: id, request: RequestID(token: Token(high: 7, low: 7)), sourceIP: "203.0.113.77",
            host: "internal.example.org", stage: "dev", query: "token=abcdefgh&room=kitchen12",
            headers: [Header(name: "User-Agent", value: "Browser/1.0 (Alice's)")], subprotocol: "bearer-abcdefgh",
            principal: "alice@example.org")
        let event = Event(position: Position(2), time: Timestamp(rawValue: 0), fact: .connected(connected))
        var line = ByteBuffer()
        EventJSON.append(redaction.redact(event), to: &line)
        let text = String(buffer: line)
        for secret in [id.text, "203.0.113.77", "internal.example", "abcdefgh", "kitchen12", "Browser/", "alice"] {
            #expect(!text.contains(secret))
        }
        #expect(text.contains("\"query\":\"xxxxx=xxxxxxxx&xxxx=xxxxxxxxx\""))
        guard case .connected(let masked) = redaction.redact(event).fact else { return }
        // An id that is two things has two pseudonyms.
        #expect(masked.connection.text != masked.request.text)
    }
}
