internal import ArgumentParser
internal import Reprise

/// How fast `replay` goes, where it begins and where it stops.
struct PaceOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "max, a number such as 1, 10 or 0.5 for so many times the recorded speed, or step (default: max).",
            valueName: "speed"),
        transform: { try ReplayPace(parsing: $0) })
    var speed: ReplayPace?

    @Option(
        help: ArgumentHelp("Begin at this place, with the state of the checkpoint before it.", valueName: "place"),
        transform: { try Place(parsing: $0) })
    var goto: Place?

    @Option(
        help: ArgumentHelp("Stop after this place.", valueName: "place"), transform: { try Place(parsing: $0) })
    var until: Place?

    @Option(
        help: ArgumentHelp("The longest wait between two events, such as 2s or 500ms.", valueName: "duration"),
        transform: { text in
            guard let seconds = Seconds.parse(text), seconds >= 0, seconds < 1e9 else {
                throw ValidationError("a wait is a number of seconds such as 2s, 1.5 or 500ms")
            }
            return .nanoseconds(Int64(seconds * 1e9))
        })
    var maxWait: Duration?

    var pace: ReplayPace { speed ?? .atOnce }

    /// Whether something is waited for between events.
    var keepsTime: Bool {
        if case .paced = pace { true } else { false }
    }

    /// Times faster than recorded, `nil` for as fast as it goes, where the recorded pace is the default.
    var factor: Double? {
        get throws {
            switch speed {
            case nil: return 1
            case .paced(let factor)?: return factor
            case .atOnce?: return nil
            case .step?: throw ValidationError("steps are for a replay that is looked at: leave out --speed step")
            }
        }
    }

    /// The range with `--goto` and `--until` in the places of `--from` and `--to`.
    func narrow(_ range: RangeOptions, in log: EventLog) throws -> (from: Position?, to: Position?) {
        if goto != nil, range.from != nil {
            throw ValidationError("--goto and --from both say where to begin: give one")
        }
        if until != nil, range.to != nil { throw ValidationError("--until and --to both say where to stop: give one") }
        let bounds = try range.resolve(in: log)
        let now = Timestamp.now
        let first = try goto?.resolve(in: log, now: now, as: .first) ?? bounds.from
        let last = try until?.resolve(in: log, now: now, as: .last) ?? bounds.to
        if let first, let last, first > last {
            throw CommandEnd(
                status: .couldNotRun,
                message: "the replay would begin at position \(first), which is after its end, position \(last)")
        }
        return (first, last)
    }

    /// The sessions to replay. A place that `--goto` or `--until` names decides, where no other session was asked for.
    func sessions(
        _ choice: SessionChoice, of log: EventLog, _ bounds: (from: Position?, to: Position?)
    ) throws -> [Session] {
        if pace == .step, choice == .all { throw ValidationError("step through one session: --session 3, or latest") }
        let place = goto.map { _ in bounds.from } ?? until.map { _ in bounds.to } ?? nil
        guard let place, choice != .all, let holder = try log.sessions().last(where: { $0.first <= place }) else {
            return try choice.sessions(of: log)
        }
        guard choice == .latest || choice == .one(holder.id) else {
            throw CommandEnd(
                status: .couldNotRun,
                message: "position \(place) is in session \(holder.id): ask for --session \(holder.id), or for none")
        }
        return [holder]
    }
}
