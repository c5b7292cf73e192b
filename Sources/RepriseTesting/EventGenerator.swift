// Random sessions that could have happened: every open before its close, every route as the table decides it.

internal import NIOCore
public import Reprise

/// Makes valid random events, the same ones for the same seed.
///
/// One generator makes one log: positions, times and session numbers go on from call to call.
public struct EventGenerator: Sendable {
    /// Where the random numbers come from; tests may draw from it too.
    public var random: SeededGenerator
    /// The routes that sessions are started with: each action with each source.
    public let configuration: EngineConfiguration
    private var position = Position.zero
    private var time = Timestamp(rawValue: 1_767_225_600_000_000_000)  // 2026-01-01T00:00:00Z
    private var session = SessionID(0)
    private var live: [ConnectionID] = []
    /// The last position that each live connection has skipped, or that of its `connected`.
    private var passed: [ConnectionID: Position] = [:]

    /// The routes in their text form.
    public static let routes = [
        "onMessage=broadcast:data", "shout=broadcast:message", "echo=echo:message", "me=echo:data",
        "$connect=echo:data",
    ]

    /// A generator before the first event of a log.
    public init(seed: UInt64) {
        random = SeededGenerator(seed: seed)
        do {
            let table = try RouteTable(
                selectionExpression: .default, routes: EventGenerator.routes.map { try Route(parsing: $0) })
            configuration = EngineConfiguration(routes: table, frameBytesMax: 100)
        } catch {
            preconditionFailure("the generator's routes are wrong: \(error)")
        }
    }

    /// The connections that are open after the last event, in the order of their opening.
    public var open: [ConnectionID] { live }

    /// A whole session: `sessionStarted`, `count` random events, a close for every open, `sessionEnded`.
    public mutating func session(events count: Int) -> [Event] {
        unfinishedSession(events: count) + end(.shutdown)
    }

    /// A session as a crash leaves it: `sessionStarted` and `count` random events.
    public mutating func unfinishedSession(events count: Int) -> [Event] {
        session = SessionID(session.rawValue + 1)
        let started = SessionStarted(
            session: session, version: "0.1.0-test", node: "node-ä", configuration: configuration)
        var events = [stamp(.sessionStarted(started))]
        for _ in 0..<count { events.append(next()) }
        return events
    }

    /// A close for every open, and `sessionEnded`.
    public mutating func end(_ cause: SessionEndCause) -> [Event] {
        var events: [Event] = []
        for connection in live {
            events.append(
                stamp(
                    .disconnected(
                        Disconnected(
                            connection: connection, request: RequestID(using: &random), code: .goingAway,
                            reason: "", cause: cause == .crash ? .crash : .shutdown,
                            deliveredThrough: cause == .crash ? nil : position, bytesSent: random.next() >> 40))))
        }
        live = []
        events.append(stamp(.sessionEnded(cause)))
        return events
    }

    /// One random event of a running session.
    private mutating func next() -> Event {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<3: return connect()
        case _ where live.isEmpty: return connect()
        case 3..<5: return disconnect()
        case 5: return send()
        case 6: return skip()
        default: return message()
        }
    }

    private mutating func connect() -> Event {
        let connection = ConnectionID(using: &random)
        live.append(connection)
        passed[connection] = position.next
        var connected = Connected(
            connection: connection, request: RequestID(using: &random), sourceIP: "203.0.113.\(random.next() % 256)",
            host: "example.org:8080", stage: "dev")
        if Bool.random(using: &random) {
            connected.query = "room=a%20b&x=\"quoted\"\\"
            connected.headers = [
                Header(name: "User-Agent", value: "test\t\u{1}ü"), Header(name: "X", value: ""),
                Header(name: "x", value: "again"),
            ]
            connected.subprotocol = Bool.random(using: &random) ? "chat" : ""
            connected.principal = Bool.random(using: &random) ? "\u{1F600} user" : nil
        }
        return stamp(.connected(connected))
    }

    private mutating func disconnect() -> Event {
        let connection = live.remove(at: Int.random(in: live.indices, using: &random))
        let cause = DisconnectCause.allCases.randomElement(using: &random) ?? .client
        return stamp(
            .disconnected(
                Disconnected(
                    connection: connection, request: RequestID(using: &random),
                    code: CloseCode(rawValue: UInt16.random(in: 1000...4999, using: &random)),
                    reason: Bool.random(using: &random) ? "" : "bye \u{2028} \u{0}",
                    cause: cause, deliveredThrough: cause == .crash ? nil : position,
                    deliveredAtLeast: cause == .crash ? position : nil, bytesSent: random.next())))
    }

    private mutating func send() -> Event {
        let target: SendTarget =
            Bool.random(using: &random)
            ? .everyone : .connection(live.randomElement(using: &random) ?? ConnectionID(using: &random))
        let (opcode, body) = body()
        return stamp(.sent(Sent(request: RequestID(using: &random), target: target, opcode: opcode, body: body)))
    }

    private mutating func skip() -> Event {
        guard let connection = live.randomElement(using: &random), let passed = passed[connection], passed < position
        else { return message() }
        let last = Position.RawValue.random(in: passed.rawValue + 1...position.rawValue, using: &random)
        let first = Position.RawValue.random(in: passed.rawValue + 1...last, using: &random)
        self.passed[connection] = Position(last)
        return stamp(.skipped(Skipped(connection: connection, first: Position(first), last: Position(last))))
    }

    private mutating func message() -> Event {
        let (opcode, body) = body()
        return stamp(
            .message(
                Message(
                    // A sender that is gone already is possible: its reply then has no recipient.
                    connection: live.randomElement(using: &random) ?? ConnectionID(using: &random),
                    message: MessageID(using: &random), request: RequestID(using: &random), opcode: opcode, body: body,
                    outcome: configuration.routes.outcome(of: body.readableBytesSpan, opcode: opcode))))
    }

    private mutating func body() -> (MessageOpcode, ByteBuffer) {
        if Int.random(in: 0..<8, using: &random) == 0 {
            let bytes = (0..<Int.random(in: 0..<40, using: &random)).map { _ in UInt8(truncatingIfNeeded: random.next())
            }
            return (.binary, ByteBuffer(bytes: bytes))
        }
        let number = random.next() % 1000
        let action = ["onMessage", "shout", "echo", "me", "$connect", "nothing"].randomElement(using: &random) ?? ""
        let text =
            switch Int.random(in: 0..<9, using: &random) {
            case 0: "{\"action\":\"\(action)\"}"
            case 1: "not JSON \(number)"
            case 2: "{ \"data\" : [1.0, -0, 1e3, \"\\u00e9\\/\"] , \"action\":\"\(action)\"}"
            case 3: "{\"action\":\"\(action)\",\"data\":\"\u{E9}\u{1F600}\\n\\\"\(number)\"}"
            case 4: "{\"action\":\"\(action)\",\"data\":\(number).5}"
            case 5: "{\"action\":\"\(action)\",\"data\":null}"
            case 6: "{\"action\":\"\(action)\",\"data\":\"\(String(repeating: "x", count: Int(number)))\"}"
            default: "{\"action\":\"\(action)\",\"data\":{\"n\":\(number),\"b\":true}}"
            }
        return (.text, ByteBuffer(string: text))
    }

    private mutating func stamp(_ fact: Fact) -> Event {
        position = position.next
        if !Bool.random(using: &random) {
            time = Timestamp(rawValue: time.rawValue + Int64(random.next() % 1_000_000_000))
        }
        return Event(position: position, time: time, fact: fact)
    }
}
