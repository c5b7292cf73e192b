import NIOCore
import Reprise

/// Events as a server records them.
enum Fixture {
    static let time = Timestamp(rawValue: 1_800_000_000_000_000_000)
    /// The body of a message by the default route, 64 bytes.
    static let body = #"{"action":"onMessage","data":"01234567890123456789012345678901"}"#

    static func connection(_ ordinal: Int) -> ConnectionID {
        ConnectionID(token: Token(high: UInt64(ordinal) &* 0x9E37_79B9_7F4A_7C15, low: 1))
    }

    /// `sessionStarted`, and `count` connections.
    static func crowd(_ count: Int) -> [Event] {
        let started = SessionStarted(
            session: SessionID(1), version: "0", node: "benchmark", configuration: EngineConfiguration())
        return [Event(position: Position(1), time: time, fact: .sessionStarted(started))]
            + (0..<count).map { event(connected($0), $0 + 2) }
    }

    static func connected(_ ordinal: Int) -> Fact {
        .connected(
            Connected(
                connection: connection(ordinal), request: RequestID(token: Token(high: UInt64(ordinal), low: 2)),
                sourceIP: "127.0.0.1", host: "127.0.0.1:8080", stage: "dev", query: ""))
    }

    static func disconnected(_ ordinal: Int) -> Fact {
        .disconnected(
            Disconnected(
                connection: connection(ordinal), request: RequestID(token: Token(high: UInt64(ordinal), low: 3)),
                code: .normal, reason: "", cause: .client, deliveredThrough: nil, deliveredAtLeast: nil, bytesSent: 0))
    }

    static func message(from ordinal: Int = 0) -> Fact {
        .message(
            Message(
                connection: connection(ordinal), message: MessageID(token: Token(high: UInt64(ordinal), low: 4)),
                request: RequestID(token: Token(high: UInt64(ordinal), low: 5)), opcode: .text,
                body: ByteBuffer(string: body), outcome: .route("onMessage")))
    }

    static func event(_ fact: Fact, _ position: Int) -> Event {
        Event(position: Position(UInt64(position)), time: time, fact: fact)
    }

    /// Messages that follow the event before `first`.
    static func messages(_ count: Int, from first: Int = 1) -> [Event] {
        (0..<count).map { event(message(from: $0), first + $0) }
    }
}

extension [Event] {
    /// Makes the same events follow themselves.
    mutating func moveOn() {
        for index in indices { self[index].position.rawValue += UInt64(count) }
    }
}
