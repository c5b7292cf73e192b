// Time and threads: loops that run one task at a time, when the simulation says so.

internal import Dispatch
internal import NIOCore

/// The one clock of a simulation. `@unchecked Sendable`: a simulation is one thread.
final class SimulatedTime: @unchecked Sendable {
    /// What the loops take for the time since boot.
    private(set) var now = NIODeadline.uptimeNanoseconds(1_000_000_000)
    /// The loop whose task runs.
    fileprivate(set) var running: SimulatedLoop?

    func advance(to later: NIODeadline) { now = max(now, later) }
}

/// An event loop without a thread. Tasks run in the order of their time, and of their submission where that is equal.
///
/// `@unchecked Sendable`: a simulation is one thread.
final class SimulatedLoop: EventLoop, @unchecked Sendable {
    private struct Entry {
        var due: NIODeadline
        var number: UInt64
        var run: () -> Void
    }

    let time: SimulatedTime
    /// The latest first.
    private var entries: [Entry] = []
    private var count: UInt64 = 0

    init(_ time: SimulatedTime) { self.time = time }

    /// When the next task is due.
    var nextDue: NIODeadline? { entries.last?.due }

    var isRunnable: Bool { nextDue.map { $0 <= time.now } ?? false }

    /// Runs the first task that is due.
    func runOne() {
        guard isRunnable, let entry = entries.popLast() else { return }
        time.running = self
        entry.run()
        time.running = nil
    }

    /// Forgets every task: the process is gone.
    ///
    /// - Returns: the tasks.
    func kill() -> [Any] {
        defer { entries = [] }
        return entries
    }

    private func add(_ due: NIODeadline, _ run: @escaping () -> Void) -> UInt64 {
        count += 1
        let entry = Entry(due: max(due, time.now), number: count, run: run)
        // Behind everything that is due at the same time, which is nearer to the front of the list.
        let index = entries.firstIndex { $0.due <= entry.due } ?? entries.count
        entries.insert(entry, at: index)
        return count
    }

    private func remove(_ number: UInt64) { entries.removeAll { $0.number == number } }

    // MARK: EventLoop

    var inEventLoop: Bool { time.running === self }

    var now: NIODeadline { time.now }

    func execute(_ task: @escaping @Sendable () -> Void) { _ = add(time.now, task) }

    func scheduleTask<T>(deadline: NIODeadline, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        let promise = makePromise(of: T.self)
        let number = add(deadline) {
            do { promise.assumeIsolated().succeed(try task()) } catch { promise.fail(error) }
        }
        return Scheduled(promise: promise) { self.remove(number) }
    }

    func scheduleTask<T>(in delay: TimeAmount, _ task: @escaping @Sendable () throws -> T) -> Scheduled<T> {
        scheduleTask(deadline: time.now + delay, task)
    }

    func preconditionInEventLoop(file: StaticString, line: UInt) {
        precondition(inEventLoop, "not on its loop", file: file, line: line)
    }

    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) {
        queue.async { callback(nil) }
    }
}
