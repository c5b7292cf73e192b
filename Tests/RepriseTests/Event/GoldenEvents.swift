// One event of every kind and of every optional field, fixed for ever: the golden files hold their bytes and texts.

import NIOCore
import Reprise
import Testing

enum GoldenEvents {
    static let log = LogID(rawValue: 0x0123_4567_89AB_CDEF)

    static func connection(_ number: UInt64) -> ConnectionID {
        ConnectionID(token: Token(high: 0x0102_0304_0506_0700 + number, low: 0xF0F1F2))
    }

    static func request(_ number: UInt64) -> RequestID {
        RequestID(token: Token(high: 0xA0A1_A2A3_A4A5_A600 + number, low: 0x0D0E0F))
    }

    static let facts: [Fact] = {
        var facts: [Fact] = []
        do {
            let routes = try RouteTable(
                selectionExpression: .init("${request.body.action}"),
                routes: ["onMessage=broadcast", "a=b\"=echo:data", "$default=echo"].map { try Route(parsing: $0) })
            facts.append(
                .sessionStarted(
                    SessionStarted(
                        session: SessionID(1), version: "0.1.0", node: "golden",
                        configuration: EngineConfiguration(routes: routes, frameBytesMax: 32_768))))
        } catch {
            Issue.record("the golden routes are wrong: \(error)")
        }
        facts.append(
            .connected(
                Connected(
                    connection: connection(1), request: request(1), sourceIP: "::1", host: "localhost:8080",
                    stage: "dev")))
        facts.append(
            .connected(
                Connected(
                    connection: connection(2), request: request(2), sourceIP: "203.0.113.7", host: "example.org",
                    stage: "prod", query: "a=1&b=%20",
                    headers: [
                        Header(name: "User-Agent", value: "curl/8 \"quoted\" \\ \t \u{7F} é \u{1F600}"),
                        Header(name: "X-Empty", value: ""),
                    ], subprotocol: "chat", principal: "user-1")))
        facts += messages
        facts.append(
            .sent(
                Sent(
                    request: request(6), target: .everyone, opcode: .text, body: ByteBuffer(string: "to all \u{0}\n"))))
        facts.append(
            .sent(
                Sent(
                    request: request(7), target: .connection(connection(2)), opcode: .binary,
                    body: ByteBuffer(bytes: [0xFF, 0x00, 0x80, 0x41]))))
        facts.append(.skipped(Skipped(connection: connection(1), first: Position(4), last: Position(6))))
        facts.append(
            .disconnected(
                Disconnected(
                    connection: connection(1), request: request(8), code: .goingAway, reason: "Going away",
                    cause: .client, deliveredThrough: Position(8), bytesSent: .max)))
        facts.append(
            .disconnected(
                Disconnected(
                    connection: connection(2), request: request(9), code: .abnormal, reason: "Server crashed",
                    cause: .crash, deliveredAtLeast: Position(3))))
        facts.append(.sessionEnded(.crash))
        return facts
    }()

    private static let bodies: [(opcode: MessageOpcode, bytes: [UInt8], outcome: RouteOutcome)] = [
        (.text, Array("{\"action\":\"onMessage\",\"data\":\"h\u{E9}\"}".utf8), .route("onMessage")),
        (.text, Array("".utf8), .refused(.forbidden)),
        (.binary, [0xC3, 0x28], .refused(.badRequestBody)),
    ]

    private static let messages: [Fact] = bodies.enumerated().map { index, message in
        .message(
            Message(
                connection: connection(1), message: MessageID(token: Token(high: UInt64(index), low: 1)),
                request: request(3 + UInt64(index)), opcode: message.opcode, body: ByteBuffer(bytes: message.bytes),
                outcome: message.outcome))
    }

    static let events: [Event] = facts.enumerated().map { index, fact in
        Event(
            position: Position(UInt64(index) + 1),
            time: Timestamp(rawValue: 1_767_225_600_000_000_000 + Int64(index) * 1_000_000_007), fact: fact)
    }
}
