/// Why a load run could not be carried out.
///
/// A run that was carried out and found the server wrong is not an error: its ``FanoutReport`` says INVALID.
public enum LoadError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The plan contradicts itself or asks for more than the machine allows; the sentence says what to change.
    case invalidPlan(String)
    /// A system call failed: the call's name and its `errno`.
    case system(operation: String, code: Int32)
    /// A connection could not be opened (refused, reset, closed during the upgrade); client number and cause.
    case connectFailed(client: Int, reason: String)
    /// The server answered the upgrade with something else than a correct 101; client number, HTTP status (0 when
    /// the answer is not HTTP) and cause.
    case upgradeRefused(client: Int, status: Int, reason: String)
    /// No connect was finished for the plan's `progressTimeoutSeconds`: the server hangs.
    case noConnect(seconds: Double)
    /// The bench's own server did not listen in time, or ended before; with what it wrote to standard error.
    case serverDidNotStart(String)
    /// The bench's own server ended before there was anything to report; the error that it led to, and how it ended.
    case serverFailed(String)
    /// SIGINT or SIGTERM.
    case interrupted(signal: Int32)

    /// One sentence, without a full stop.
    public var description: String {
        switch self {
        case .invalidPlan(let sentence): sentence
        case .system(let operation, let code): "\(operation) failed: \(SystemCall.errorText(code)) (errno \(code))"
        case .connectFailed(let client, let reason): "client \(client) could not connect: \(reason)"
        case .upgradeRefused(let client, let status, let reason):
            "client \(client) was refused the upgrade (status \(status)): \(reason)"
        case .noConnect(let seconds): "no connect was finished for \(seconds) s"
        case .serverDidNotStart(let reason): "the server did not start\(reason.isEmpty ? "" : ": \(reason)")"
        case .serverFailed(let reason): reason
        case .interrupted(let signal): "stopped by signal \(signal)"
        }
    }
}
