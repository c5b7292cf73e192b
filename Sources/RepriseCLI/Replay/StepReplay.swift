internal import Reprise

/// The step mode: a replay that goes forward and back on command.
///
/// Going back, and going to a place, begins anew at the checkpoint before: the log is the only state there is.
struct StepReplay: ~Copyable {
    private let log: EventLog
    private let session: Session
    /// Nothing behind this position is replayed.
    private let last: Position?
    private let json: Bool
    private var replayer: Replayer
    private var lines = CommandLines()
    /// The event at hand; `nil` before the first one.
    private var current: ReplayStep?
    private var lastCommand = StepCommand.next(1)
    private var connection: ConnectionID?
    /// The first difference that was found, also where the replay began anew since.
    private var divergence: Divergence?
    /// How far a replay goes at once before it looks whether a signal came.
    private static let stretchEvents: UInt64 = 65_536

    init(_ log: EventLog, session: Session, through last: Position?, json: Bool) throws(LogError) {
        self.log = log
        self.session = session
        self.last = last
        self.json = json
        replayer = try Replayer(log, session: session)
        StopSignal.watch()
    }

    /// Obeys until the input ends, or says `q`, or a signal comes.
    ///
    /// - Returns: what the replay found since it last began anew.
    mutating func run(from first: Position?, to output: inout StandardOutput) throws -> ReplayReport {
        do {
            if let first { try go(to: first, &output) }
            try output.flush()
            while let line = try lines.next(prompt: "(\(current?.event.position ?? session.first.previous)) ") {
                let goesOn = try obey(line.trimmingSpaces, &output)
                try output.flush()
                if !goesOn { break }
            }
        } catch let error as LogError {
            try output.flush()
            throw error
        }
        var report = replayer.report
        report.divergence = divergence ?? report.divergence
        return report
    }

    /// - Returns: whether to go on.
    private mutating func obey(_ line: String, _ output: inout StandardOutput) throws -> Bool {
        do {
            let command = line.isEmpty ? lastCommand : try StepCommand(parsing: line)
            lastCommand = command
            switch command {
            case .next(let count): try next(count, &output)
            case .back(let count): try back(count, &output)
            case .connection(let named): try next(of: named, &output)
            case .goto(let place):
                try go(to: try place.resolve(in: log, now: .now, as: .last), &output)
            case .state: try state(&output)
            case .help: try output.print(StepCommand.helpText)
            case .quit: return false
            }
        } catch PlaceError.log(let error) {
            throw error
        } catch let error as PlaceError {
            ExitStatus.complain(error.description)
        } catch let error as CommandEnd where error.status == .couldNotRun && error.message != nil {
            ExitStatus.complain(error.message ?? "")
        }
        return true
    }

    private mutating func next(_ count: UInt64, _ output: inout StandardOutput) throws {
        for _ in 0..<count {
            guard StopSignal.number == nil, try step(&output) else { return }
        }
    }

    /// Applies and prints the next event.
    ///
    /// - Returns: whether there was one.
    private mutating func step(_ output: inout StandardOutput) throws -> Bool {
        guard let step = try replayer.step(through: last) else {
            throw CommandEnd(
                status: .couldNotRun,
                message: "\(replayer.report.last) is the last position of \(last == nil ? "the session" : "the range")")
        }
        current = step
        let report = StepReport(step, under: replayer.configuration)
        if json { try report.printJSON(to: &output) } else { try report.printDetails(to: &output) }
        if divergence == nil, let found = replayer.report.divergence {
            divergence = found
            if !json { try output.print("\(found.position)  DIFFERS: \(found.reason)") }
        }
        return true
    }

    private mutating func back(_ count: UInt64, _ output: inout StandardOutput) throws {
        guard let position = current?.event.position, position > (try firstPosition()) else {
            throw CommandEnd(status: .couldNotRun, message: "there is nothing before this in session \(session.id)")
        }
        let target = position.rawValue > count ? Position(position.rawValue - count) : .zero
        try go(to: max(target, firstPosition()), &output)
    }

    /// The session's first position that the log holds: its beginning may have been trimmed away.
    private func firstPosition() throws(LogError) -> Position {
        max(session.first, try log.firstPosition() ?? session.first)
    }

    /// Begins anew at the checkpoint before a position, and replays up to it.
    private mutating func go(to position: Position, _ output: inout StandardOutput) throws {
        let first = try firstPosition()
        let end = try min(last ?? Position(.max), session.last ?? log.tail().position)
        guard position >= first, position <= end else {
            throw CommandEnd(
                status: .couldNotRun,
                message: "position \(position) is outside of what is replayed, \(first) to \(end); for another session "
                    + "start again with --goto \(position)")
        }
        divergence = divergence ?? replayer.report.divergence
        replayer = try Replayer(log, session: session, from: position)
        try advance(to: position, &output)
    }

    /// Replays up to a position that lies ahead, and prints the event there.
    private mutating func advance(to position: Position, _ output: inout StandardOutput) throws {
        var progress = ReplayProgress(session.id, first: replayer.report.last.next, last: position)
        while case let done = replayer.report.last, done.next < position {
            if StopSignal.number != nil { return progress.clear() }
            let stretch = Position(done.rawValue + StepReplay.stretchEvents)
            _ = try replayer.run(through: min(position.previous, stretch)) { events, plan, _ in
                if let event = events.last { progress.note(plan.last, event.time) }
            }
        }
        progress.clear()
        _ = try step(&output)
    }

    private mutating func next(of named: ConnectionID?, _ output: inout StandardOutput) throws {
        guard let wanted = named ?? connection ?? current?.event.fact.connection else {
            throw CommandEnd(status: .couldNotRun, message: "this event names no connection: give one, as in c CONN")
        }
        guard let span = try log.span(of: wanted) else { throw PlaceError.unknownConnection(wanted) }
        connection = wanted
        let end = min(last ?? Position(.max), session.last ?? Position(.max), span.closed ?? Position(.max))
        var reader = try LogReader(log, from: max(replayer.report.last.next, span.opened))
        var events: [Event] = []
        while reader.next <= end, StopSignal.number == nil {
            try reader.read(through: end, into: &events)
            if events.isEmpty { break }
            if let found = events.first(where: { $0.fact.connection == wanted }) {
                return try advance(to: found.position, &output)
            }
        }
        throw CommandEnd(status: .couldNotRun, message: "no further event names \(wanted)")
    }

    private func state(_ output: inout StandardOutput) throws {
        guard let current else {
            throw CommandEnd(status: .couldNotRun, message: "nothing is replayed yet; n shows the first event")
        }
        let set = LiveSet(replayer.projection, time: current.event.time, session: session.id)
        let report = LiveSetReport(set, log)
        if json { try report.printJSON(to: &output) } else { try report.printLines(to: &output) }
    }
}
