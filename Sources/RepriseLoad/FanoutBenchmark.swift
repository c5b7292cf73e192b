/// A snapshot of a run under way, handed out once a second.
public struct FanoutProgress: Sendable, Equatable {
    /// What the run is doing.
    public enum Phase: String, Sendable {
        case connect, warmUp, measure, drain
    }

    /// What the run is doing.
    public var phase: Phase
    /// Seconds since the phase "connect" began.
    public var elapsedSeconds: Double
    /// Clients whose upgrade was answered.
    public var connected: Int
    /// Messages sent so far.
    public var messagesSent: Int
    /// Messages that not every receiving client has yet.
    public var outstanding: Int
    /// Deliveries per second since the last snapshot.
    public var deliveriesPerSecond: Double
    /// Broken rules so far.
    public var failedRules: Int
}

/// A fan-out run: connects the plan's clients, sends, verifies every byte that every client receives, and reports.
///
/// It runs on the calling thread, which it occupies until the end; every wait in it is bounded. Call it from a thread of
/// its own, not from the cooperative pool.
public struct FanoutBenchmark {
    /// What will be done.
    public let plan: FanoutPlan

    /// A run of this plan.
    public init(plan: FanoutPlan) {
        self.plan = plan
    }

    /// Carries the plan out.
    ///
    /// - Parameter progress: called about once a second, on this thread; what it costs is part of the run.
    /// - Returns: the figures and the verdict. A server that lost, repeated, swapped or corrupted something, closed
    ///   a client, hung or died is a report that says INVALID.
    /// - Throws: ``LoadError`` when there is nothing to report: the plan does not hold, no connection, an upgrade
    ///   refused, a signal.
    public func run(progress: (FanoutProgress) -> Void = { _ in }) throws(LoadError) -> FanoutReport {
        try plan.check()
        var run = try FanoutRun(plan: plan)
        try run.connectAll(progress)
        try run.measure(progress)
        return run.report()
    }
}
