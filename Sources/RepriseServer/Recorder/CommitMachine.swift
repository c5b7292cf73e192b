// What the Recorder does next. Intents, the answers of the log and the clock's alarms come in; the Recorder asks for the next
// action until there is none, and only executes.
//
//   submit ──▶ waiting ── next() = .commit(group) ──▶ the log ──▶ committed()
//                 ▲                                       │
//                 └───── facts, in front ◀── couldNotWrite(group)
//
// An answer may come in the same call, as that of the local log does, or later: until then nothing else is written, and what
// comes in gathers to the next group. So a log that a cluster shares can stand where the local one is.

internal import Reprise

/// Decides what is committed when, what is refused, and how a session ends.
///
/// Owner: the Recorder. Pure: no clock, no log; see `CommitMachineTests` for the model that it is held against.
struct CommitMachine {
    /// Where the Recorder stands.
    enum Phase: Equatable {
        /// Intents are committed as they come.
        case recording
        /// The disk or the map is full: facts are kept, the rest is refused, and the log is tried again from time to time.
        case waitingForRoom
        /// Nothing is committed any more, and facts that wait are lost: the next start recovers.
        case failed
        /// The end of the session is in the log. Nothing follows it.
        case ended
    }

    /// What is to be done.
    enum Action {
        /// Write these in one transaction. Answer: `committed()`, or `couldNotWrite`.
        case commit([Intent])
        /// Write something that nobody misses, to see whether the log has room. Answer: as above.
        case probe
        /// Write the end of the session. Answer: `ended()`, or `couldNotWrite`.
        case end
        /// Call `beginTurn()` behind everything that is queued on the loop already: that is the group.
        case comeBack
        /// The log takes everything again.
        case openGate
        /// Call `tryAgain()` after a while.
        case waitForRoom
        /// Nothing of these is recorded; tell who asked.
        case refuse([Intent])
        /// Tell everybody who waits for a commit that there will be none.
        case giveUp
        /// The same, and the server must stop.
        case fail
    }

    /// What a turn of the loop may still write.
    private enum Turn {
        case over
        /// One group as it has gathered.
        case group
        /// All that waits, in small groups, then what follows. Begins with a probe where nothing waits and nothing ends.
        case everything(isProbed: Bool)
    }

    private(set) var phase = Phase.recording
    /// What is not written, in order.
    private(set) var waiting: [Intent] = []
    /// Whether the session is to end when everything is written.
    private(set) var isEnding = false
    /// Whether the log owes an answer.
    private var isWriting = false
    private var turn = Turn.over
    private var isComingBack = false
    private var mustComeBack = false
    /// What follows a write that failed, before anything else.
    private var consequence: Action?
    /// What could not be written and cannot be kept. Whoever is told, and asks for the health, must find it red: so last.
    private var unwritten: [Intent] = []

    /// The most events in a transaction.
    static let transactionEventsMax = 65_536
    /// The most payload bytes in a transaction, unless one message is larger.
    static let transactionBytesMax = 8 << 20
    /// The most events in a transaction that is tried again. Small ones touch few pages and give the pages of the one
    /// before back, so that the reserve suffices however old and wide the tables are.
    static let retryEventsMax = 64

    // MARK: What happens

    /// Loops hand in what they ask for.
    mutating func submit(_ intents: [Intent]) { waiting += intents }

    /// Asks for a turn although nothing waits.
    mutating func comeBack() { mustComeBack = true }

    /// Everything that was queued is handed in.
    mutating func beginTurn() {
        isComingBack = false
        if phase == .recording, case .over = turn { turn = .group }
    }

    /// The log has taken what was to be written.
    mutating func committed() { isWriting = false }

    /// The log has taken the end of the session.
    mutating func ended() {
        isWriting = false
        phase = .ended
        turn = .over
    }

    /// The log has taken nothing of what was to be written.
    ///
    /// - Parameters:
    ///   - group: what it was. Facts go first into the next transaction; the rest is refused.
    ///   - isFull: whether there may be room later. Any other error ends the recording: what the kernel dropped cannot be written
    ///     again.
    mutating func couldNotWrite(_ group: [Intent] = [], isFull: Bool) {
        isWriting = false
        waiting = group.filter(\.isFact) + waiting
        unwritten += group.filter { !$0.isFact }
        guard phase == .recording else { return }
        if isFull {
            stop(.waitingForRoom, .waitForRoom)
        } else {
            fail()
        }
    }

    /// Nothing must be written any more.
    mutating func fail() {
        guard phase == .recording || phase == .waitingForRoom else { return }
        stop(.failed, .fail)
    }

    private mutating func stop(_ phase: Phase, _ consequence: Action) {
        self.phase = phase
        self.consequence = consequence
        turn = .over
    }

    /// There may be room again.
    mutating func tryAgain() {
        guard phase == .waitingForRoom else { return }
        phase = .recording
        turn = .everything(isProbed: false)
    }

    /// The session is to end behind everything that waits. A full disk is tried at once.
    mutating func askEnd() {
        guard phase == .recording || phase == .waitingForRoom else { return }
        isEnding = true
        phase = .recording
        consequence = nil
        turn = .everything(isProbed: true)
    }

    /// The server stops and does not wait for room any longer.
    mutating func endPatience() {
        if phase == .waitingForRoom { stop(.failed, .giveUp) }
    }

    // MARK: What is to be done

    /// The next action; `nil` until something else happens.
    mutating func next() -> Action? {
        if let consequence {
            self.consequence = nil
            return consequence
        }
        if !unwritten.isEmpty {
            defer { unwritten = [] }
            return .refuse(unwritten)
        }
        guard phase == .recording else { return refusal() }
        guard !isWriting else { return nil }
        return write() ?? returning()
    }

    /// What waits and can be refused, while nothing is written.
    private mutating func refusal() -> Action? {
        let refused = waiting.filter { !$0.isFact }
        guard !refused.isEmpty else { return nil }
        waiting.removeAll { !$0.isFact }
        return .refuse(refused)
    }

    private mutating func write() -> Action? {
        switch turn {
        case .over:
            return nil
        case .group:
            turn = .over
            return waiting.isEmpty ? nil : writing(.commit(takeGroup(CommitMachine.transactionEventsMax)))
        case .everything(let isProbed):
            if !waiting.isEmpty {
                turn = .everything(isProbed: true)
                return writing(.commit(takeGroup(CommitMachine.retryEventsMax)))
            }
            if isEnding { return writing(.end) }
            if !isProbed {
                turn = .everything(isProbed: true)
                return writing(.probe)
            }
            turn = .over
            return .openGate
        }
    }

    private mutating func writing(_ action: Action) -> Action {
        isWriting = true
        return action
    }

    private mutating func returning() -> Action? {
        guard !isComingBack, mustComeBack || !waiting.isEmpty else { return nil }
        (isComingBack, mustComeBack) = (true, false)
        return .comeBack
    }

    /// Takes what fits into one transaction.
    private mutating func takeGroup(_ eventsMax: Int) -> [Intent] {
        var bytes = 0
        var count = 0
        for intent in waiting {
            bytes += intent.weight.logBytes
            if count > 0, bytes > CommitMachine.transactionBytesMax || count == eventsMax { break }
            count += 1
        }
        defer { waiting.removeFirst(count) }
        return count == waiting.count ? waiting : Array(waiting.prefix(count))
    }
}
