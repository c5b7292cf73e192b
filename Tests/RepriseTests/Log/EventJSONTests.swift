import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct EventJSONTests {
    private func line(_ event: Event) -> String {
        var buffer = ByteBuffer()
        EventJSON.append(event, to: &buffer)
        return String(buffer: buffer)
    }

    private func parse(_ text: String) throws(EventJSONError) -> Event {
        try EventJSON.parse(ByteBuffer(string: text))
    }

    @Test func `the lines of every kind are those of the golden file`() throws {
        try GoldenFile("events-v1.jsonl").expect(GoldenEvents.events.map { line($0) + "\n" }.joined())
    }

    @Test func `every kind is read back as it was written`() throws {
        var generator = EventGenerator(seed: 41)
        for event in GoldenEvents.events + generator.session(events: 3000) {
            let line = line(event)
            let read = try parse(line)
            #expect(read == event)
            #expect(self.line(read) == line)
        }
    }

    @Test func `fields may stand in any order and with spaces`() throws {
        let line = #" { "cause" : "crash", "event":"sessionEnded" , "time":"1970-01-01T00:00:01Z","position":9 } "#
        let event = Event(position: Position(9), time: Timestamp(rawValue: 1_000_000_000), fact: .sessionEnded(.crash))
        #expect(try parse(line) == event)
    }

    @Test func `integers keep all of their 64 bits`() throws {
        let line =
            #"{"position":18446744073709551615,"time":"1970-01-01T00:00:00Z","event":"sessionEnded","cause":"crash"}"#
        #expect(try parse(line).position.rawValue == .max)
    }

    @Test(arguments: ["deliveredThrough", "deliveredAtLeast"])
    func `a delivery up to position 0 is refused, for it would be lost`(field: String) throws {
        let line = try #require(
            GoldenEvents.events.lazy.map { self.line($0) }.first { $0.contains("\"\(field)\":") })
        let zero = line.replacing(try Regex("\"\(field)\":[0-9]+"), with: "\"\(field)\":0")
        #expect(throws: EventJSONError.invalid(field, "a position, from 1 on")) { try parse(zero) }
    }

    private static let head = #""position":9,"time":"1970-01-01T00:00:01Z","event":"#

    @Test(arguments: [
        ("", EventJSONError.notAnObject), ("[]", .notAnObject), ("{", .notAnObject), ("{} {}", .notAnObject),
        ("{}", .missing("position")), (#"{"position":1,"position":1}"#, .duplicate("position")),
        (#"{"position":1}"#, .missing("time")),
        (#"{"position":"1"}"#, .invalid("position", "an integer from 0 to 18446744073709551615")),
        (#"{"position":1.0}"#, .invalid("position", "an integer from 0 to 18446744073709551615")),
        (#"{"position":-1}"#, .invalid("position", "an integer from 0 to 18446744073709551615")),
        (
            #"{"position":1,"time":"yesterday"}"#,
            .invalid("time", "a moment such as 2026-01-01T00:00:00.000000000Z")
        ),
        (
            "{\(head)\"ended\"}",
            .invalid("event", "one of sessionStarted, connected, message, sent, disconnected, skipped, sessionEnded")
        ),
        ("{\(head)\"sessionEnded\"}", .missing("cause")),
        ("{\(head)\"sessionEnded\",\"cause\":\"bored\"}", .invalid("cause", "one of shutdown, crash")),
        ("{\(head)\"sessionEnded\",\"cause\":null}", .invalid("cause", "a string")),
        (
            "{\(head)\"sessionEnded\",\"cause\":\"crash\",\"reason\":\"\"}",
            .unknownField("reason", event: "sessionEnded")
        ),
        ("{\(head)\"skipped\",\"connectionId\":\"x\"}", .invalid("connectionId", "an identifier of 16 characters")),
    ])
    func `a line that is not an event is refused by field`(text: String, error: EventJSONError) {
        #expect(throws: error) { try parse(text) }
    }

    @Test func `a line has a bounded number of fields`() {
        func fields(_ count: Int) -> String { "{\((1...count).map { "\"field\($0)\":\($0)" }.joined(separator: ","))}" }
        #expect(throws: EventJSONError.missing("position")) { try parse(fields(32)) }
        // Quadratic, the last one took a minute.
        for count in [33, 200_000] {
            #expect(throws: EventJSONError.tooManyFields) { try parse(fields(count)) }
        }
    }

    @Test func `a body with a lone surrogate or wrong Base64 is refused`() throws {
        let sent = Sent(
            request: GoldenEvents.request(1), target: .everyone, opcode: .text, body: ByteBuffer(string: "BODY"))
        let text = line(Event(position: Position(1), time: Timestamp(rawValue: 0), fact: .sent(sent)))
        let surrogate = text.replacing("BODY", with: "\\ud800")
        #expect(throws: EventJSONError.invalid("body", "a string without lone surrogates")) { try parse(surrogate) }
        let pair = text.replacing("BODY", with: "\\ud83d\\ude00")
        guard case .sent(let read) = try parse(pair).fact else { throw EventJSONError.notAnObject }
        #expect(read.body == ByteBuffer(string: "\u{1F600}"))
        for wrong in ["A", "AA=", "A===", "AB==", "AAA=AAAA", "AA==AA==", "AA-_", "====", "AAAB\\n"] {
            let text = text.replacing("\"body\":\"BODY\"", with: "\"bodyBase64\":\"\(wrong)\"")
            #expect(throws: EventJSONError.invalid("bodyBase64", "Base64 (RFC 4648 §4)"), "\(wrong)") {
                try parse(text)
            }
        }
    }

    @Test func `Base64 is that of RFC 4648, section 10`() {
        let vectors = [
            "": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "fooba": "Zm9vYmE=",
            "foobar": "Zm9vYmFy",
        ]
        for (bytes, text) in vectors {
            var buffer = ByteBuffer()
            Base64.append(ByteBuffer(string: bytes).readableBytesView, to: &buffer)
            #expect(String(buffer: buffer) == text)
            #expect(Base64.decode(text.utf8) == Array(bytes.utf8))
        }
    }

    @Test func `a line that is not UTF-8 is refused`() {
        #expect(throws: EventJSONError.notText) { try EventJSON.parse(ByteBuffer(bytes: [0x7B, 0xFF, 0x7D])) }
    }
}
