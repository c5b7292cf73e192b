// Taking away old events while the server runs. The Recorder is the only writer, so a step of a trim waits for its turn
// like a commit: small, when nothing else is waiting, or once for so much that was appended. Steps are no events: neither
// positions nor digests of what remains depend on them.

internal import LMDB
internal import NIOCore
internal import Reprise
internal import Synchronization

/// What a server keeps of its log, and how far trimming has come. Confined to the Recorder's loop.
struct Retention {
    /// Bytes to keep; 0 for all.
    let bytesMax: Int
    /// How old an event may become, nanoseconds; 0 for any age.
    let age: Int64
    let status: RetentionStatus
    /// What is known of age beside the times of events.
    var marks: RetentionMarks
    /// What has been appended since the last step.
    private var appended = (events: 0, weight: 0)
    /// Whether the last look found something to remove.
    var isDue = false
    /// Whether a step is scheduled.
    var isScheduled = false
    /// Whether anything was ever removed from this log.
    var isTrimmed = false
    /// Where the last step ended; made again after an error.
    var trim: LogTrim?

    /// The most events that a step removes while few connections are live; then as many as there are connections, because
    /// a step writes the list of them.
    static let stepEvents = 1024
    /// A step is taken after so many appended events although others wait: trimming is then twice as fast as appending.
    static let eventsPerStep = 512
    /// The same for appended bytes.
    static let bytesPerStep = LogTrim.stepBytesMax / 2
    /// Between two steps while the server has nothing else to do.
    static let pause = TimeAmount.milliseconds(5)
    /// Between two looks at the size and the age of the log.
    static let interval = TimeAmount.milliseconds(1000)

    init(_ configuration: ServerConfiguration, status: RetentionStatus) {
        bytesMax = configuration.retainedBytes
        age = Int64(configuration.retainAgeSeconds * Double(Timestamp.nanosecondsPerSecond))
        marks = RetentionMarks(age: .nanoseconds(age))
        self.status = status
    }

    var isOn: Bool { bytesMax > 0 || age > 0 }

    /// Whether so much was appended that a step must not wait any longer.
    var mustKeepUp: Bool {
        appended.events >= Retention.eventsPerStep || appended.weight >= Retention.bytesPerStep
    }

    mutating func note(events: Int, weight: Int) {
        appended.events += events
        appended.weight += weight
    }

    /// A step is taken: it makes up for so much that was appended.
    mutating func noteStep() {
        appended = (
            max(0, appended.events - Retention.eventsPerStep), max(0, appended.weight - Retention.bytesPerStep)
        )
    }

    /// There is nothing to remove now.
    mutating func rest() {
        isDue = false
        appended = (0, 0)
    }
}

/// What `/health` says about retention, readable from every loop.
final class RetentionStatus: Sendable {
    private let state = Mutex<(first: Position, problem: String?)?>(nil)

    func update(first: Position, problem: String? = nil) { state.withLock { $0 = (first, problem) } }

    /// The first position that the log holds, and what keeps it from being trimmed; `nil` where everything is kept.
    var json: String? {
        guard let state = state.withLock({ $0 }) else { return nil }
        let problem = state.problem.map { ",\"problem\":\(JSONText.quoted($0))" } ?? ""
        return "{\"firstPosition\":\(state.first)\(problem)}"
    }
}

extension EventLog {
    /// Whether more bytes are in use than so many. What the file has is known without a look, and is never less.
    func holdsMore(than bytes: Int) throws(LogError) -> Bool {
        guard environment.info.usedBytes > bytes else { return false }
        return try contentBytes() > bytes
    }
}

extension Recorder {
    /// Starts to look, from time to time, whether there is something to remove.
    func startRetention() {
        retention.isTrimmed = (try? writer.log.cut()) != nil  // an unreadable cut is found by the first step
        guard retention.isOn else { return }
        if let first = try? writer.log.firstPosition() { retention.status.update(first: first) }
        eventLoop.scheduleRepeatedTask(initialDelay: .zero, delay: Retention.interval) { _ in
            self.retention.isDue = true
            self.scheduleStep(in: .zero)
        }
    }

    /// Removes something right behind a commit, if so much was appended that neither the next look nor a quiet moment may
    /// be waited for.
    func trimBesideCommits() {
        guard retention.isOn else { return }
        while retention.mustKeepUp { trimStep() }  // a transaction may have appended more than a step removes
    }

    private func scheduleStep(in delay: TimeAmount) {
        guard retention.isDue, !retention.isScheduled else { return }
        retention.isScheduled = true
        eventLoop.scheduleTask(in: delay) {
            self.retention.isScheduled = false
            if self.machine.waiting.isEmpty, self.retention.isDue { self.trimStep() }
            self.scheduleStep(in: Retention.pause)
        }
    }

    private func trimStep() {
        retention.noteStep()
        guard machine.phase == .recording else { return retention.rest() }
        do throws(LogError) {
            guard let place = try firstToKeep() else { return retention.rest() }
            if retention.trim == nil { retention.trim = try LogTrim(writer.log) }
            guard var trim = retention.trim.take() else { return }
            let eventsMax = min(max(Retention.stepEvents, trim.liveCount), LogTrim.stepEventsMax)
            let step = try trim.step(before: place, eventsMax: eventsMax)
            retention.trim = trim
            guard step.events > 0 else { return retention.rest() }
            retention.isDue = true
            retention.isTrimmed = true
            retention.status.update(first: trim.first)
            reopenGate()
        } catch {
            trimFailed(error)
        }
    }

    /// The first position that must stay, or `nil` where nothing is to be removed. What some shard has still to perform
    /// stays in any case. The age of an event is what the clock says, or how long this server has seen it, whichever is more.
    private func firstToKeep() throws(LogError) -> Position? {
        var place = Position.zero
        if retention.age > 0 {
            let (moment, overflow) = clock().rawValue.subtractingReportingOverflow(retention.age)
            place = try writer.log.firstPosition(atOrAfter: Timestamp(rawValue: overflow ? .min : moment))
            if let aged = retention.marks.aged(tail: writer.tail.position, now: eventLoop.now) {
                place = max(place, aged.next)
            }
        }
        if retention.bytesMax > 0, try writer.log.holdsMore(than: retention.bytesMax) { place = Position(.max) }
        guard place > .zero else { return nil }
        return min(place, ShardObservation.combined(observations).performedThrough)
    }

    /// A trim makes room: the gate that a full log has closed opens, if that suffices.
    private func reopenGate() {
        guard gate.isClosed, machine.phase == .recording else { return }
        gate.open()
        updateGate(before: 0)
    }

    /// Nothing was removed. A full disk is tried again at the next look; damage stays, and `/health` names it; a broken
    /// disk ends the server, as it does in a commit.
    private func trimFailed(_ error: LogError) {
        retention.trim = nil
        retention.rest()
        let first = (try? writer.log.firstPosition()) ?? .zero
        retention.status.update(first: first, problem: "the log cannot be trimmed: \(error)")
        if case .storage(let cause) = error, [.panic, .inputOutput].contains(cause.code) { fail(cause) }
    }
}
