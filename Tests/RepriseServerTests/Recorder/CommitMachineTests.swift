// A log that answers at once or later, that fills, has room again and breaks, drives one machine in random ways; a model that
// remembers every intent says what may become of it. Every failure names its seed.

import NIOCore
import RepriseTesting
import Testing

@testable import Reprise
@testable import RepriseServer

@Suite struct `A commit machine against its model` {
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `commits in order, keeps facts, refuses the rest, and loses nothing`(seed: UInt64) {
        var model = Model(seed: seed)
        model.run(steps: 150)
        model.finish()
    }

    @Test func `meets all of this in these simulations`() {
        var seen = Set<String>()
        for seed in 0..<300 as Range<UInt64> {
            var model = Model(seed: seed)
            model.run(steps: 150)
            model.finish()
            seen.formUnion(model.seen)
        }
        #expect(
            seen == [
                "committed", "refused", "probed", "ended", "kept", "no room for the end", "failed", "given up",
                "answered late", "ended at once while full", "failed while the log owed an answer",
            ])
    }

    @Test func `takes what gathered in one transaction, and no more than fits`() throws {
        var machine = CommitMachine()
        let large = (0..<5).map { Model.message($0, bytes: 3 << 20) }
        machine.submit(large)
        guard case .comeBack? = machine.next() else { throw Unexpected() }
        #expect(machine.next() == nil)
        machine.beginTurn()
        guard case .commit(let first)? = machine.next() else { throw Unexpected() }
        #expect(first.count == 2, "8 MiB")
        #expect(machine.next() == nil, "the log owes an answer")
        machine.committed()
        guard case .comeBack? = machine.next() else { throw Unexpected() }
        #expect(machine.waiting.count == 3)
    }

    @Test func `commits a message that is larger than a transaction`() throws {
        var machine = CommitMachine()
        machine.submit([Model.message(1, bytes: 9 << 20), Model.message(2, bytes: 1)])
        _ = machine.next()
        machine.beginTurn()
        guard case .commit(let group)? = machine.next() else { throw Unexpected() }
        #expect(group.count == 1)
    }
}

private struct Unexpected: Error {}

extension CommitMachine.Action? {
    fileprivate static func == (left: CommitMachine.Action?, right: _OptionalNilComparisonType) -> Bool {
        if case .none = left { true } else { false }
    }
}

private struct Model {
    private let seed: UInt64
    private var random: SeededGenerator
    private var machine = CommitMachine()

    /// What may still become of an intent, by its number; those that are done are gone.
    private var open: [UInt64: Bool] = [:]
    private var submitted: UInt64 = 0
    private var committed: [UInt64] = []
    private var refused: Set<UInt64> = []
    /// What the log has to answer.
    private var outstanding: CommitMachine.Action?
    private var isComingBack = false
    private var isRetryScheduled = false
    private var isFull = false
    private var isBroken = false
    private var hasAskedEnd = false
    private var hasEnded = false
    private var hasGivenUp = false
    private(set) var seen: Set<String> = []

    init(seed: UInt64) {
        self.seed = seed
        random = SeededGenerator(seed: seed)
    }

    static func message(_ number: UInt64, bytes: Int = 0) -> Intent {
        Intent(
            fact: .message(
                Message(
                    connection: ConnectionID(token: Token(high: 1, low: 1)),
                    message: MessageID(token: Token(high: number, low: 1)),
                    request: RequestID(token: Token(high: 1, low: 1)), opcode: .binary,
                    body: ByteBuffer(repeating: 0, count: bytes), outcome: .refused(.forbidden))), shard: 0)
    }

    private static func fact(_ number: UInt64) -> Intent {
        Intent(
            fact: .skipped(
                Skipped(
                    connection: ConnectionID(token: Token(high: 1, low: 1)), first: Position(number),
                    last: Position(number))), shard: 0)
    }

    private static func number(of intent: Intent) -> UInt64 {
        switch intent.fact {
        case .message(let message): message.message.token.high
        case .skipped(let skipped): skipped.first.rawValue
        default: 0
        }
    }

    private func expect(_ holds: Bool, _ what: @autoclosure () -> String, _ location: SourceLocation = #_sourceLocation)
    {
        #expect(holds, "seed \(seed): \(what())", sourceLocation: location)
    }

    // MARK: Driving

    mutating func run(steps: Int) {
        for _ in 0..<steps {
            happen()
            execute()
        }
    }

    private mutating func happen() {
        switch Int.random(in: 0..<20, using: &random) {
        case 0..<8: if seed % 3 != 0 || Int.random(in: 0..<10, using: &random) == 0 { submit() }
        case 8..<13: if isComingBack { comeBack() }
        case 13..<16: if isRetryScheduled { tryAgain() }
        case 16: if !isBroken { isFull.toggle() }
        case 17:
            if Int.random(in: 0..<60, using: &random) == 0 { isBroken = true }
            if Int.random(in: 0..<60, using: &random) == 0 { fail() }
        case 18:
            if Int.random(in: 0..<20, using: &random) == 0 {
                machine.endPatience()
                if isRetryScheduled, machine.phase == .failed { seen.insert("given up") }
            }
        default: if Int.random(in: 0..<15, using: &random) == 0 { askEnd() }
        }
        if outstanding != nil, Bool.random(using: &random) {
            seen.insert("answered late")
            answer()
        }
    }

    private mutating func submit() {
        let isLarge = Int.random(in: 0..<10, using: &random) == 0
        let intents = (0..<Int.random(in: 1...(isLarge ? 150 : 5), using: &random)).map { _ in
            submitted += 1
            let isFact = Int.random(in: 0..<3, using: &random) == 0
            open[submitted] = isFact
            return isFact ? Model.fact(submitted) : Model.message(submitted)
        }
        machine.submit(intents)
    }

    private mutating func comeBack() {
        isComingBack = false
        machine.beginTurn()
    }

    private mutating func tryAgain() {
        isRetryScheduled = false
        machine.tryAgain()
    }

    /// Something else than a commit says that the disk is broken, perhaps while an answer is owed.
    private mutating func fail() {
        guard machine.phase == .recording || machine.phase == .waitingForRoom else { return }
        if outstanding != nil { seen.insert("failed while the log owed an answer") }
        isRetryScheduled = false
        machine.fail()
    }

    private mutating func askEnd() {
        guard !hasAskedEnd, machine.phase == .recording || machine.phase == .waitingForRoom else { return }
        if machine.phase == .waitingForRoom { seen.insert("ended at once while full") }
        hasAskedEnd = true
        isRetryScheduled = false
        machine.askEnd()
    }

    /// Everything has room and time: what is left must come to its end.
    mutating func finish() {
        isFull = false
        for _ in 0..<10_000 {
            execute()
            if outstanding != nil {
                answer()
            } else if isComingBack {
                comeBack()
            } else if isRetryScheduled {
                tryAgain()
            } else {
                break
            }
        }
        switch machine.phase {
        case .recording: expect(open.isEmpty && machine.waiting.isEmpty, "\(open.count) intents are forgotten")
        case .failed: expect(open.values.allSatisfy { $0 }, "not all that could be refused was")
        case .ended: expect(hasEnded && hasAskedEnd, "nobody asked for the end")
        case .waitingForRoom: expect(false, "it waits and nobody will come")
        }
        expect(machine.waiting.count == open.count, "\(machine.waiting.count) wait, \(open.count) are open")
        expect(committed == committed.sorted(), "the order of \(committed)")
        expect(refused.isDisjoint(with: committed), "refused and committed")
        expect(UInt64(committed.count + refused.count + open.count) == submitted, "an intent has gone")
        expect((machine.phase == .failed) == hasGivenUp, "who waits must be told of a failure")
    }

    // MARK: Executing

    private mutating func execute() {
        while let action = machine.next() { perform(action) }
    }

    private mutating func perform(_ action: CommitMachine.Action) {
        switch action {
        case .commit(let group):
            expect(!group.isEmpty && group.count <= CommitMachine.transactionEventsMax, "a group of \(group.count)")
            begin(action)
        case .probe:
            expect(machine.waiting.isEmpty, "a probe while something waits")
            begin(action)
        case .end:
            expect(machine.waiting.isEmpty && hasAskedEnd, "the end before everything is written")
            begin(action)
        case .comeBack:
            expect(!isComingBack, "it comes back already")
            isComingBack = true
        case .openGate:
            expect(machine.phase == .recording, "the gate opens")
        case .waitForRoom:
            expect(!isRetryScheduled && machine.phase == .waitingForRoom, "two retries")
            isRetryScheduled = true
        case .refuse(let intents):
            for intent in intents {
                expect(open.removeValue(forKey: Model.number(of: intent)) == false, "a fact is refused, or one twice")
                refused.insert(Model.number(of: intent))
            }
            seen.insert("refused")
        case .giveUp, .fail:
            expect(!hasGivenUp && machine.phase == .failed, "it gives up twice")
            hasGivenUp = true
        }
    }

    private mutating func begin(_ action: CommitMachine.Action) {
        expect(outstanding == nil, "two writes at once")
        expect(machine.phase == .recording && !hasEnded, "something is written in \(machine.phase)")
        outstanding = action
        if Bool.random(using: &random) { answer() }
    }

    private mutating func answer() {
        guard let action = outstanding.take() else { return }
        guard !isFull, !isBroken else { return answerNo(action) }
        switch action {
        case .commit(let group):
            for intent in group {
                expect(open.removeValue(forKey: Model.number(of: intent)) != nil, "committed twice")
                committed.append(Model.number(of: intent))
            }
            seen.insert("committed")
            machine.committed()
        case .end:
            hasEnded = true
            seen.insert("ended")
            machine.ended()
        default:
            seen.insert("probed")
            machine.committed()
        }
    }

    private mutating func answerNo(_ action: CommitMachine.Action) {
        var group: [Intent] = []
        if case .commit(let intents) = action { group = intents }
        if case .end = action { seen.insert("no room for the end") }
        if group.contains(where: \.isFact) { seen.insert("kept") }
        if isBroken { seen.insert("failed") }
        machine.couldNotWrite(group, isFull: !isBroken)
    }
}
