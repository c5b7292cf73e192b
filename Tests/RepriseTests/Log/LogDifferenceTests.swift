import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

/// Events in memory, a few at a time.
private struct Events: EventSource {
    var rest: ArraySlice<Event>
    var batch = 7

    init(_ events: [Event]) { rest = events[...] }

    mutating func read(into events: inout [Event]) {
        events = Array(rest.prefix(batch))
        rest = rest.dropFirst(batch)
    }
}

@Suite struct LogDifferenceTests {
    private let events: [Event]

    init() {
        var generator = EventGenerator(seed: 71)
        events = generator.session(events: 400) + generator.session(events: 50)
    }

    private func compare(_ left: [Event], _ right: [Event], times: Bool = false) throws -> LogDifference {
        var difference = LogDifference(comparesTimes: times)
        var (one, other) = (Events(left), Events(right))
        other.batch = 11
        try difference.run(&one, &other)
        return difference
    }

    private func index(of matches: (Fact) -> Bool) throws -> Int {
        try #require(events.indices.last { $0 > 200 && $0 < 400 && matches(events[$0].fact) })
    }

    @Test func `a log does not differ from itself, and is counted on both sides`() throws {
        let difference = try compare(events, events)
        #expect(difference.first == nil)
        #expect(difference.left.total == UInt64(events.count))
        #expect(difference.right.total == UInt64(events.count))
        #expect(difference.left.events == difference.right.events)
        var engine = Engine()
        _ = engine.apply(Array(events.prefix { $0.fact != .sessionEnded(.shutdown) }))
        #expect(difference.left.fold.recipients >= engine.digest.deliveries)
        #expect(difference.left.fold.recipients == difference.right.fold.recipients)
    }

    @Test func `a changed byte in a payload is found where it is`() throws {
        let index = try index {
            if case .message(let message) = $0 { message.outcome == .route("shout") } else { false }
        }
        var changed = events
        guard case .message(var message) = changed[index].fact else { return }
        let last = message.body.readableBytes - 1
        let byte = try #require(message.body.getInteger(at: message.body.readerIndex + last, as: UInt8.self))
        message.body.setInteger(byte ^ 1, at: message.body.readerIndex + last)
        changed[index].fact = .message(message)
        let difference = try compare(events, changed)
        let first = try #require(difference.first)
        #expect(first.position == events[index].position)
        #expect(first.difference?.fields == ["body"])
        #expect(first.difference?.bodyOffset == last)
        #expect(first.leftDelivery != first.rightDelivery)
        #expect(difference.eventsDiffering == 1)
        #expect(difference.deliveriesDiffering == 1)
    }

    @Test(arguments: [false, true])
    func `a swapped pair is found at its first position`(keepsPositions: Bool) throws {
        let index = try index { if case .message = $0 { true } else { false } }
        var changed = events
        changed.swapAt(index - 1, index)
        if keepsPositions {
            let (one, other) = (changed[index - 1].position, changed[index].position)
            changed[index - 1].position = other
            changed[index].position = one
        }
        #expect(try compare(events, changed).first?.position == events[index - 1].position)
        #expect(try compare(changed, events).first?.position == events[index - 1].position)
    }

    @Test(arguments: [false, true])
    func `a removed close is found, and so is what it changes for those who come after`(renumbered: Bool) throws {
        let index = try index { if case .disconnected = $0 { true } else { false } }
        var changed = events
        changed.remove(at: index)
        if renumbered {
            for later in index..<changed.count { changed[later].position = changed[later].position.previous }
        }
        let difference = try compare(events, changed)
        let first = try #require(difference.first)
        #expect(first.position == events[index].position)
        if !renumbered {
            #expect(first.right == nil)
            #expect(difference.eventsOnlyLeft == 1)
            #expect(difference.eventsDiffering == 0)
            #expect(difference.deliveriesDiffering > 0)
            let other = try compare(changed, events)
            #expect(other.eventsOnlyRight == 1)
            #expect(other.first?.left == nil)
        }
    }

    @Test func `times count when they are asked for`() throws {
        var changed = events
        changed[5].time = Timestamp(rawValue: changed[5].time.rawValue + 1)
        #expect(try compare(events, changed).first == nil)
        let first = try #require(try compare(events, changed, times: true).first)
        #expect(first.position == events[5].position)
        #expect(first.difference?.fields == ["time"])
    }

    @Test func `a log that goes on longer differs after the other's end`() throws {
        let difference = try compare(events, Array(events.dropLast(3)))
        #expect(difference.first?.position == events[events.count - 3].position)
        #expect(difference.eventsOnlyLeft == 3)
        #expect(difference.left.last == events.last?.position)
    }

    @Test func `every kind of event names its fields`() throws {
        let connected = Connected(
            connection: ConnectionID(token: Token(high: 1, low: 1)), request: RequestID(token: Token(high: 2, low: 2)),
            sourceIP: "::1", host: "h", stage: "dev")
        var other = connected
        other.host = "h2"
        other.principal = ""
        func fields(_ left: Fact, _ right: Fact) -> [String]? {
            EventDifference(
                Event(position: Position(1), time: Timestamp(rawValue: 0), fact: left),
                Event(position: Position(1), time: Timestamp(rawValue: 0), fact: right), comparesTimes: true)?.fields
        }
        #expect(fields(.connected(connected), .connected(other)) == ["host", "principal"])
        #expect(fields(.connected(connected), .connected(connected)) == nil)
        var spelled = connected
        (other.host, spelled.host) = ("\u{E9}", "e\u{301}")
        #expect(fields(.connected(other), .connected(spelled)) == ["host", "principal"])
        #expect(fields(.connected(connected), .sessionEnded(.crash)) == ["event"])
        #expect(fields(.sessionEnded(.shutdown), .sessionEnded(.crash)) == ["cause"])
        let skipped = Skipped(connection: connected.connection, first: Position(1), last: Position(2))
        #expect(
            fields(
                .skipped(skipped),
                .skipped(Skipped(connection: connected.connection, first: Position(1), last: Position(3)))) == ["last"])
    }
}
