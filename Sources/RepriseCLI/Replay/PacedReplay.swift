internal import Glibc
internal import NIOCore
internal import Reprise

/// A replay that keeps the recorded time, faster, slower or with idle stretches cut short, and prints each event when it
/// is due. SIGINT and SIGTERM end it between two events.
struct PacedReplay {
    private var clock: ReplayClock
    private let json: Bool
    private var progress: ReplayProgress
    /// Whether the lines go where the bar is.
    private let sharesTerminal = isatty(STDOUT_FILENO) != 0

    init(speed: Double, waitMax: Duration?, json: Bool, progress: ReplayProgress) {
        clock = ReplayClock(speed: speed, waitMax: waitMax)
        self.json = json
        self.progress = progress
        StopSignal.watch()
    }

    /// Replays from `first` on, in recorded time; what the replayer has to go through before that, at once.
    mutating func run(
        _ replayer: inout Replayer, from first: Position?, through last: Position?, to output: inout StandardOutput
    ) throws {
        do {
            if let first { _ = try replayer.run(through: first.previous) }
            let began = ContinuousClock.now
            while let event = try replayer.peek(through: last) {
                let due = began + clock.due(event.time)
                if due > .now {
                    try show(&output)
                    progress.note(event.position.previous, event.time)
                }
                guard StopSignal.wait(until: due), let step = try replayer.step(through: last) else { break }
                let report = StepReport(step, under: replayer.configuration)
                if json { try report.printJSON(to: &output) } else { try report.printLine(to: &output) }
            }
        } catch let error as LogError {
            progress.clear()
            try output.flush()
            throw error
        }
        progress.clear()
        try output.flush()
    }

    /// Prints what has happened so far.
    private mutating func show(_ output: inout StandardOutput) throws {
        guard output.buffer.readableBytes > 0 else { return }
        if sharesTerminal { progress.clear() }
        try output.flush()
    }
}
