import NIOCore
import NIOHTTP1
import RepriseTesting
import Testing

@testable import RepriseServer

/// One socket: a client with a script of requests, a decoder, a channel, and whoever answers.
struct HTTPExchangeModel {
    private static let bodyBytesMax = 100

    private let seed: UInt64
    private var random: SeededGenerator
    private var machine = HTTPExchangeMachine(bodyBytesMax: bodyBytesMax)

    private let script: [ScriptedRequest]
    /// What the client has not sent yet.
    private var parts: CircularBuffer<ScriptedPart>
    /// Whether the channel reads.
    private var isReading = false
    private var isReadWanted = false

    /// What is in flight.
    private var asked: IncomingRequest?
    private var writing: Written?
    private var deadline: HTTPExchangeMachine.Deadline?

    /// How many requests have their reply.
    private var replied = 0
    private var isLastWritten = false
    /// Whether that was a reply to a head, with the rest of the request still on its way.
    private var isLastEarly = false
    private var isOutputEnded = false
    private var isClosed = false
    private var isGone = false
    private var isWebSocket = false
    /// Whether something happened that no request explains.
    private var isDisturbed = false
    private var isStopping = false
    private let neverAnswers: Bool
    private let chances: (disturbance: Int, atOnce: Int, late: Int)

    /// Written `PHASE event PHASE`.
    private(set) var transitions: Set<String> = []
    private(set) var seen: Set<String> = []

    private enum Written {
        case proceed
        case reply(keepAlive: Bool)
    }

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
        let count = Int.random(in: 1...12, using: &random)
        let lastChance = [2, 10, 40][Int(seed % 3)]
        var script: [ScriptedRequest] = []
        for number in 0..<count {
            script.append(ScriptedRequest(number, lastChance: lastChance, using: &random))
        }
        self.script = script
        parts = ScriptedPart.parts(of: script, using: &random)
        neverAnswers = seed % 17 == 0
        chances = (
            disturbance: seed % 4 == 0 ? 0 : [8, 40][Int(seed % 2)],
            atOnce: [0, 50, 90].randomElement(using: &random) ?? 0,
            late: [5, 100].randomElement(using: &random) ?? 0
        )
        execute()
        wantRead()
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String, _ location: SourceLocation = #_sourceLocation)
    {
        #expect(holds, "seed \(seed): \(what())", sourceLocation: location)
    }

    private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    // MARK: Driving

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            happen()
            execute()
            check()
        }
    }

    private mutating func happen() {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4: deliver()
        case 4..<6: if asked != nil, !neverAnswers { answer("answered late") }
        case 6..<8: if writing != nil, chance(chances.late) { finishWrite("written late") }
        case 8: if chance(5) { isStopping = true }
        default: if chance(chances.disturbance) { disturb() }
        }
        if isClosed, !isGone, chance(20) { leave() }
    }

    /// What the decoder makes of one read, and then the channel wants the next.
    private mutating func deliver() {
        // The decoder may have more parts of a read in hand when the socket was told to close.
        guard isReading || isClosed && !isWebSocket && chance(10) else { return }
        let count = min(parts.count, Int.random(in: 1...12, using: &random))
        guard count > 0 else { return }
        isReading = false
        var heads = 0
        for _ in 0..<count {
            let part = parts.removeFirst()
            if case .head = part { heads += 1 }
            receive(part)
            execute()
            if isWebSocket { return }
        }
        if heads >= 3 { seen.insert("three requests in one read") }
        wantRead()
    }

    private mutating func receive(_ part: ScriptedPart) {
        switch part {
        case .head(let number):
            let request = script[number].incoming
            note("head") { $0.receive(.head(request)) }
        case .body(let bytes):
            note("body") { $0.receive(.body(bytes)) }
        case .end:
            note("end") { $0.receive(.end) }
        case .garbage:
            if writing != nil || asked != nil, !isLastWritten { seen.insert("unreadable behind a reply") }
            note("could not read") { $0.couldNotRead(.invalidConstant) }
        }
    }

    private mutating func wantRead() {
        for _ in 0..<Int.random(in: 1...2, using: &random) {
            isReadWanted = true
            machine.wantRead()
            execute()
        }
    }

    private mutating func answer(_ when: String) {
        guard let request = asked.take() else { return }
        seen.insert(when)
        if isStopping { seen.insert("stopping") }
        if case .handshake = request.purpose, !isClosed, script[number(of: request.head)].becomesWebSocket {
            expect(writing == nil, "a 101 beside a write")
            expect(!isLastWritten, "a 101 behind the last reply")
            if replied > 0 { seen.insert("became one behind another reply") }
            if script[number(of: request.head)].isProceeded { seen.insert("became one behind a 100") }
            seen.insert("became a WebSocket")
            (isWebSocket, isGone, isClosed) = (true, true, true)
            return note("upgraded") { $0.upgraded() }
        }
        if case .handshake = request.purpose { seen.insert("refused to become one") }
        let isStopping = isStopping
        note("answered") { $0.answered(.forbidden, isStopping: isStopping) }
    }

    private mutating func finishWrite(_ when: String) {
        guard writing != nil else { return }
        if chance(isClosed ? 70 : chances.disturbance / 8) {
            isDisturbed = true
            writing = nil
            return note("could not write") { $0.couldNotWrite() }
        }
        seen.insert(when)
        if case .reply = writing { deadline = nil }  // it was for that reply, and what follows has its own
        writing = nil
        note("written") { $0.written() }
    }

    private mutating func disturb() {
        switch Int.random(in: 0..<4, using: &random) {
        case 0:
            guard deadline != nil else { return }
            deadline = nil
            isDisturbed = true
            seen.insert("cut off")
            note("deadline") { $0.deadlinePassed() }
        case 1:
            guard !isGone else { return }  // it has no place among the pending ones any more
            isDisturbed = true
            note("evicted") { $0.evict() }
        case 2:
            guard !isWebSocket else { return }
            isDisturbed = true
            note("failed") { $0.fail() }
        default:
            isDisturbed = true
            leave()
        }
    }

    private mutating func leave() {
        isGone = true
        isClosed = true
        note("left") { $0.left() }
    }

    private mutating func note(_ event: String, _ change: (inout HTTPExchangeMachine) -> Void) {
        let before = machine.phase.letter
        change(&machine)
        transitions.insert("\(before) \(event) \(machine.phase.letter)")
    }

    /// Whether something is to come.
    private var isWaiting: Bool {
        writing != nil || asked != nil && !neverAnswers || isReading && !parts.isEmpty || isClosed && !isGone
    }

    /// Everything has time: what is left must come to its end.
    mutating func finish() {
        while isWaiting {
            if isClosed, !isGone, writing == nil { leave() }
            if writing != nil { finishWrite("written late") }
            if asked != nil, !neverAnswers { answer("answered late") }
            deliver()
            execute()
            check()
        }
        if asked != nil {
            expect(neverAnswers, "a request is forgotten")
            seen.insert("never answered")
        } else if !isDisturbed {
            checkReplies()
        }
        if !isGone { leave() }
        execute()
        expect(machine.phase.letter == "O" && deadline == nil, "it is not over")
    }

    /// Nobody disturbed the client: it has had every reply up to the last one.
    private mutating func checkReplies() {
        if isWebSocket {
            expect(script[replied].becomesWebSocket, "request \(replied) became a WebSocket")
            expect(!isReadWanted, "a read is forgotten")
        } else if isLastWritten {
            expect(machine.phase.letter == "O" || machine.phase.letter == "L", "the last reply has left")
            seen.insert("stopped by the last reply")
        } else {
            expect(replied == script.count, "\(replied) of \(script.count) requests have a reply")
            expect(machine.phase.letter == "H" && isReading, "nobody waits for the next request")
            seen.insert("answered all")
        }
    }

    private func check() {
        expect(asked == nil || writing == nil || isClosed, "an answer in the making beside a write")
        switch machine.phase.letter {
        case "A", "U": expect(deadline == nil, "a deadline while the server is the one who is late")
        case "O": expect(deadline == nil, "a deadline of nobody")
        case "C": break
        default: expect(deadline != nil, "\(machine.phase.letter) without a deadline")
        }
    }

    // MARK: Executing

    private mutating func execute() {
        while let action = machine.next() {
            switch action {
            case .stopDeadline: break
            case .readOn: expect(isWebSocket, "nobody reads on")
            default: expect(!isGone, "\(action) when it is over")
            }
            perform(action)
        }
    }

    private mutating func perform(_ action: HTTPExchangeMachine.Action) {
        switch action {
        case .read:
            expect(asked == nil && writing == nil && !isClosed, "it reads while something is in flight")
            expect(isReadWanted, "nobody wants a read")
            (isReading, isReadWanted) = (true, false)
        case .readOn:
            expect(isReadWanted, "nobody wants a read")
            isReadWanted = false
        case .answer(let request):
            begin(request)
        case .writeProceed:
            expect(script[replied].isProceeded, "a 100 that request \(replied) does not expect")
            begin(.proceed)
        case .write(let reply, let head, let keepAlive):
            checkReply(reply, to: head, keepAlive: keepAlive)
            replied += 1
            isLastWritten = !keepAlive
            begin(.reply(keepAlive: keepAlive))
        case .startDeadline(let deadline):
            expect((deadline == .close) == isOutputEnded, "the wrong deadline")
            self.deadline = deadline
        case .stopDeadline:
            deadline = nil
        case .endOutput:
            expect(isLastWritten && writing == nil && !isClosed, "the output ends before the last reply has left")
            isOutputEnded = true
            seen.insert("lingered")
        case .endInput:
            expect(isLastWritten, "the input ends before the last reply")
        case .close:
            expect(!isClosed || isDisturbed, "closed twice")
            expect(isDisturbed || isLastWritten && !isLastEarly, "closed, and nothing demands it")
            isClosed = true
        }
    }

    private mutating func begin(_ request: IncomingRequest) {
        expect(asked == nil && writing == nil, "a request begins while something is in flight")
        expect(!isLastWritten && !isClosed, "a request behind the last reply")
        expect(number(of: request.head) == replied, "\(request.head.uri) is not the next")
        let body = script[replied].body.map { ByteBuffer(bytes: $0) }
        if body == nil { seen.insert("body too large") }
        expect(request.body == body, "the body of \(request.head.uri)")
        asked = request
        if !neverAnswers, chance(chances.atOnce) { answer("answered at once") }
    }

    private mutating func begin(_ write: Written) {
        expect(writing == nil, "two writes at once")
        expect(asked == nil, "a write while a request is answered")
        expect(!isClosed && !isOutputEnded, "a write behind the end")
        writing = write
        if chance(chances.atOnce) { finishWrite("written at once") }
    }

    private mutating func checkReply(_ reply: HTTPReply, to head: HTTPRequestHead, keepAlive: Bool) {
        expect(!isLastWritten, "a reply behind the last one")
        if reply.status == .badRequest {
            expect(!keepAlive, "a reply to what nobody can read, and it is not the last")
            return
        }
        expect(number(of: head) == replied, "a reply to \(head.uri), not to \(replied)")
        isLastEarly = script[replied].isEarly
        let isLast = script[replied].isLast
        expect(!keepAlive || !isStopping, "a further request is wanted of a server that stops")
        expect(keepAlive ? !isLast : isLast || isStopping, "keepAlive is \(keepAlive) for \(head)")
    }

    private func number(of head: HTTPRequestHead) -> Int { Int(head.uri.dropFirst()) ?? -1 }
}

extension HTTPExchangeMachine.Phase {
    /// As the article abbreviates it.
    var letter: String {
        switch self {
        case .readingHead: "H"
        case .readingBody: "B"
        case .sayingProceed: "P"
        case .answering: "A"
        case .upgrading: "U"
        case .replying(.nextRequest): "R"
        case .replying(.linger): "E"
        case .replying(.close): "F"
        case .lingering: "L"
        case .closing: "C"
        case .over: "O"
        }
    }
}
