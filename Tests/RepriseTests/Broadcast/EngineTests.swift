import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct `Delivery plans` {
    private var engine = Engine()
    private var sequence = EventSequence()

    private mutating func plan() -> DeliveryPlan {
        engine.apply(sequence.events.filter { $0.position > engine.projection.position })
    }

    private func changes(_ plan: DeliveryPlan) -> [String] {
        plan.exceptions.map { exception in
            let number = exception.connection.token.high >> 8
            switch exception.change {
            case .activate(let position, _): return "activate \(number) at \(exception.offset) by \(position)"
            case .deactivate: return "deactivate \(number) at \(exception.offset)"
            case .frame(let position, let range):
                return "frame \(number) at \(exception.offset) by \(position): "
                    + String(decoding: plan.targeted.bytes[range].dropFirst(2), as: UTF8.self)
            case .skipped: return "skipped \(number)"
            }
        }
    }

    @Test(arguments: 1...20)
    func `of one batch after the other, added up, are the plan of all as one batch`(seed: UInt64) {
        var generator = EventGenerator(seed: seed)
        let events = generator.session(events: 400)
        var whole = Engine()
        var parts = Engine()
        _ = whole.apply(Array(events[..<1]))
        _ = parts.apply(Array(events[..<1]))
        let expected = whole.apply(Array(events[1...]))
        var plan = parts.emptyPlan
        var rest = events[1...]
        while !rest.isEmpty {
            var batch = DecidedEvents()
            for event in rest.prefix(37) {
                batch.append(event, ordering: Delivery(of: event, under: generator.configuration))
            }
            parts.apply(batch, adding: &plan)
            rest = rest.dropFirst(37)
        }
        #expect(changes(plan) == changes(expected))
        #expect(plan.run.bytes == expected.run.bytes)
        #expect(plan.run.marks == expected.run.marks)
        #expect(plan.outcomes.map(\.position) == expected.outcomes.map(\.position))
        #expect(plan.first == expected.first && plan.last == expected.last)
        #expect(parts.checkpoint == whole.checkpoint)
    }

    @Test mutating func `a broadcast goes to everyone as one run with a mark for each position`() {
        sequence.connect(1)
        sequence.connect(2)
        let first = sequence.message(1, #"{"action":"onMessage","data":"a"}"#)
        let second = sequence.message(2, #"{"action":"onMessage","data":[1.0, 2]}"#)
        let plan = plan()
        var bytes = plan.run.bytes.bytes[...]
        #expect(SentFrame.takeAll(from: &bytes).map(\.text) == [#""a""#, "[1,2]"])
        #expect(bytes.isEmpty)
        #expect(plan.run.marks.map(\.position) == [first, second])
        #expect(plan.run.marks.map(\.end) == [5, 12])
        #expect(changes(plan) == ["activate 1 at 0 by 2", "activate 2 at 0 by 3"])
        #expect((plan.first, plan.last) == (Position(1), Position(5)))
    }

    @Test mutating func `exceptions apply at the offset that the stream had then`() {
        sequence.connect(1)
        sequence.message(1, #"{"action":"onMessage","data":1}"#)  // 3 bytes
        sequence.connect(2)
        sequence.message(2, #"{"action":"onMessage","data":22}"#)  // 4 bytes
        sequence.send("hello", to: .connection(.number(1)))
        sequence.disconnect(1)
        sequence.message(2, #"{"action":"onMessage","data":333}"#)
        #expect(
            changes(plan()) == [
                "activate 1 at 0 by 2", "activate 2 at 3 by 4", "frame 1 at 7 by 6: hello", "deactivate 1 at 7",
            ])
    }

    @Test mutating func `the next run begins where the last one ended`() {
        sequence.connect(1)
        sequence.message(1, #"{"action":"onMessage","data":1}"#)
        #expect(plan().run.start == 0)
        sequence.message(1, #"{"action":"onMessage","data":2}"#)
        let second = plan()
        #expect(second.run.start == 3)
        #expect(second.run.end == 6)
        #expect(second.first == Position(4))
    }

    @Test mutating func `nobody is sent what was broadcast to nobody`() {
        sequence.send("x", to: .everyone)
        let plan = plan()
        #expect(plan.run.bytes.readableBytes == 0)
        #expect(plan.outcomes.map(\.recipients) == [0])
        #expect(engine.digest == DeliveryDigest())
    }

    @Test mutating func `a management call learns how many it addressed`() {
        sequence.connect(1)
        sequence.connect(2)
        let everyone = sequence.send("a", to: .everyone)
        let one = sequence.send("b", to: .connection(.number(2)))
        sequence.disconnect(2)
        let gone = sequence.send("c", to: .connection(.number(2)))
        let unknown = sequence.send("d", to: .connection(.number(99)))
        let plan = plan()
        #expect(plan.outcomes.map(\.position) == [everyone, one, gone, unknown])
        #expect(plan.outcomes.map(\.recipients) == [2, 1, 0, 0])
        #expect(engine.digest.deliveries == 3)
    }

    @Test(arguments: [
        (Refusal.forbidden, "Forbidden"), (.badRequestBody, "Bad request body"),
    ])
    mutating func `a refused message gives its sender the error frame, byte for byte`(refusal: Refusal, word: String) {
        sequence.connect(1)
        sequence.connect(2)
        sequence.message(1, "?", .refused(refusal))
        let plan = plan()
        let text =
            "{\"message\": \"\(word)\", \"connectionId\":\"\(ConnectionID.number(1))\", "
            + "\"requestId\":\"\(RequestID.sample)\"}"
        #expect(plan.run.bytes.readableBytes == 0)
        #expect(plan.targeted.bytes == [0x81, UInt8(text.utf8.count)] + Array(text.utf8))
        #expect(engine.digest.deliveries == 1)
    }

    @Test mutating func `an echo goes to the sender alone, with its opcode`() throws {
        let routes = try RouteTable(
            selectionExpression: .default,
            routes: [Route(key: "ping", action: .reply(.message)), Route(key: "$default", action: .reply(.message))])
        sequence = EventSequence(configuration: EngineConfiguration(routes: routes))
        sequence.connect(1)
        sequence.connect(2)
        sequence.message(2, #"{"action":"ping"}"#, .route("ping"))
        sequence.message(1, "\u{01}", .route("$default"), opcode: .binary)
        let plan = plan()
        var bytes = plan.targeted.bytes[...]
        let frames = SentFrame.takeAll(from: &bytes)
        #expect(frames.map(\.opcode) == [1, 2])
        #expect(frames.map(\.payload) == [Array(#"{"action":"ping"}"#.utf8), [1]])
        #expect(plan.exceptions.suffix(2).map(\.connection) == [.number(2), .number(1)])
    }

    @Test mutating func `a reply to a sender that is gone is no delivery`() {
        sequence.connect(1)
        sequence.connect(2)
        sequence.disconnect(1)
        sequence.message(1, "?", .refused(.forbidden))
        let plan = plan()
        #expect(plan.targeted.readableBytes == 0)
        #expect(engine.digest == DeliveryDigest())
    }

    @Test mutating func `a broadcast of a sender that is gone still goes to the others`() {
        sequence.connect(1)
        sequence.connect(2)
        sequence.disconnect(1)
        sequence.message(1, #"{"action":"onMessage","data":1}"#)
        #expect(plan().run.bytes.readableBytes == 3)
        #expect(engine.digest.deliveries == 1)
    }

    @Test mutating func `a large payload is split into frames, under one mark`() {
        sequence = EventSequence(configuration: EngineConfiguration(frameBytesMax: 10))
        sequence.connect(1)
        sequence.send("0123456789abcdefghijklmno", to: .everyone)
        sequence.send("0123456789a", to: .connection(.number(1)), opcode: .binary)
        let plan = plan()
        var bytes = plan.run.bytes.bytes[...]
        let frames = SentFrame.takeAll(from: &bytes)
        #expect(frames.map(\.text) == ["0123456789", "abcdefghij", "klmno"])
        #expect(frames.map(\.first) == [0x01, 0x00, 0x80])
        #expect(plan.run.marks.count == 1)
        #expect(plan.run.marks.first?.end == plan.run.end)
        var targeted = plan.targeted.bytes[...]
        #expect(SentFrame.takeAll(from: &targeted).map(\.first) == [0x02, 0x80])
        #expect(plan.exceptions.count == 2)
    }

    @Test mutating func `splitting does not change the digest`() {
        var digests: [DeliveryDigest] = []
        for frameBytesMax in [1, 7, 32_768] {
            var sequence = EventSequence(configuration: EngineConfiguration(frameBytesMax: frameBytesMax))
            sequence.connect(1)
            sequence.send("0123456789", to: .everyone)
            var engine = Engine()
            _ = engine.apply(sequence.events)
            digests.append(engine.digest)
        }
        #expect(Set(digests.map(\.value)).count == 1)
    }

    @Test mutating func `a gap is told to its connection's shard and changes no digest`() {
        sequence.connect(1)
        sequence.send("x", to: .everyone)
        _ = plan()
        let digest = engine.digest
        sequence.add(.skipped(Skipped(connection: .number(1), first: Position(3), last: Position(3))))
        let plan = plan()
        #expect(changes(plan) == ["skipped 1"])
        #expect(plan.run.bytes.readableBytes == 0)
        #expect(engine.digest == digest)
    }

    @Test mutating func `counts are by kind`() {
        sequence.connect(1)
        sequence.message(1, "x", .refused(.forbidden))
        sequence.send("x", to: .everyone)
        sequence.add(.skipped(Skipped(connection: .number(1), first: Position(1), last: Position(2))))
        sequence.disconnect(1)
        sequence.add(.sessionEnded(.shutdown))
        _ = plan()
        var counts = Engine.Counts()
        (counts.events, counts.connects, counts.disconnects) = (7, 1, 1)
        (counts.messages, counts.sends, counts.skips) = (1, 1, 1)
        #expect(engine.counts == counts)
        #expect(engine.checkpoint.position == Position(7))
        #expect(engine.checkpoint.events == 7)
    }

    @Test mutating func `a new session begins with fresh digests, counts and stream`() {
        sequence.connect(1)
        sequence.send("x", to: .everyone)
        sequence.disconnect(1)
        sequence.add(.sessionEnded(.shutdown))
        _ = plan()
        sequence.add(
            .sessionStarted(
                SessionStarted(
                    session: SessionID(2), version: "test", node: "test", configuration: EngineConfiguration())))
        _ = plan()
        #expect(engine.digest == DeliveryDigest())
        #expect(engine.counts.events == 1)
        #expect(engine.session?.session == SessionID(2))
        sequence.connect(2)
        sequence.send("x", to: .everyone)
        #expect(plan().run.start == 0)
    }

    @Test func `a gap in positions traps`() async {
        await #expect(processExitsWith: .failure) {
            var engine = Engine()
            _ = engine.apply(EventSequence().events)
            _ = engine.apply([Event(position: Position(3), time: Timestamp(rawValue: 0), fact: .sessionEnded(.crash))])
        }
    }
}

@Suite struct `Cutting a log into batches` {
    /// Every way to interleave three connections' scripts of connect, message and disconnect: 1 680.
    static let orders: [[Int]] = {
        var orders: [[Int]] = []
        func extend(_ order: [Int], _ left: [Int]) {
            if order.count == 9 { orders.append(order) }
            for index in 0..<3 where left[index] > 0 {
                var fewer = left
                fewer[index] -= 1
                extend(order + [index], fewer)
            }
        }
        extend([], [3, 3, 3])
        return orders
    }()

    private func events(_ order: [Int]) -> [Event] {
        var sequence = EventSequence()
        var step = [0, 0, 0]
        for index in order {
            let number = UInt64(index + 1)
            switch step[index] {
            case 0: sequence.connect(number)
            case 1:
                switch index {
                case 0: sequence.message(number, #"{"action":"onMessage","data":"one"}"#)
                case 1: sequence.message(number, "?", .refused(.forbidden))
                default: sequence.send("three", to: order[0] == 2 ? .everyone : .connection(.number(1)))
                }
            default: sequence.disconnect(number)
            }
            step[index] += 1
        }
        return sequence.events
    }

    private struct Outcome: Equatable {
        var checkpoint: Checkpoint
        var sent: [ConnectionID: [UInt8]]
        var recipients: [Int]
    }

    /// Applies `events`, cut after every event whose bit is set.
    private func outcome(_ events: [Event], cuts: Int) -> Outcome {
        var engine = Engine()
        var reader = PlanReader()
        var recipients: [Int] = []
        var batch: [Event] = []
        for (index, event) in events.enumerated() {
            batch.append(event)
            guard cuts >> index & 1 == 1 || index == events.count - 1 else { continue }
            let plan = engine.apply(batch)
            reader.perform(plan)
            recipients += plan.outcomes.map(\.recipients)
            batch = []
        }
        return Outcome(checkpoint: engine.checkpoint, sent: reader.sent, recipients: recipients)
    }

    @Test func `in every order of three connections, any cut gives the same digests and the same bytes`() {
        #expect(Self.orders.count == 1680)
        var random = SeededGenerator(seed: 1)
        for order in Self.orders {
            let events = events(order)
            let whole = outcome(events, cuts: 0)
            for cuts in [(1 << events.count) - 1] + (0..<4).map({ _ in Int.random(in: 1..<1 << 9, using: &random) }) {
                let cut = outcome(events, cuts: cuts)
                if cut != whole { Issue.record("order \(order) with cuts \(String(cuts, radix: 2)) differs") }
            }
        }
    }

    @Test func `all 512 cuts of one order agree`() {
        let events = events([0, 2, 1, 0, 2, 1, 2, 0, 1])
        let whole = outcome(events, cuts: 0)
        for cuts in 0..<512 { #expect(outcome(events, cuts: cuts) == whole) }
    }

    @Test func `a connection gets what comes between its connect and its disconnect`() {
        var sequence = EventSequence()
        sequence.connect(1)
        sequence.send("a", to: .everyone)
        sequence.connect(2)
        sequence.send("b", to: .everyone)
        sequence.send("only 2", to: .connection(.number(2)))
        sequence.send("c", to: .everyone)
        sequence.disconnect(1)
        sequence.send("d", to: .everyone)
        var engine = Engine()
        var reader = PlanReader()
        reader.perform(engine.apply(sequence.events))
        #expect(reader.texts(of: 1) == ["a", "b", "c"])
        #expect(reader.texts(of: 2) == ["b", "only 2", "c", "d"])
    }
}
