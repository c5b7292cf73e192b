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
    /// Nothing moved for the plan's `progressTimeoutSeconds`: the server hangs. The phase is "connect" or "run".
    case noProgress(seconds: Double, phase: String)
    /// The server closed or reset every receiving connection during the run.
    case serverGone

    /// One sentence, without a full stop.
    public var description: String {
        switch self {
        case .invalidPlan(let sentence): sentence
        case .system(let operation, let code): "\(operation) failed: \(SystemCall.errorText(code)) (errno \(code))"
        case .connectFailed(let client, let reason): "client \(client) could not connect: \(reason)"
        case .upgradeRefused(let client, let status, let reason):
            "client \(client) was refused the upgrade (status \(status)): \(reason)"
        case .noProgress(let seconds, let phase): "no progress for \(seconds) s in the phase \"\(phase)\""
        case .serverGone: "the server closed every receiving connection"
        }
    }
}
