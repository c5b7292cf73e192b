internal import Logging
internal import Synchronization

/// Why a ring is not used.
struct SendQueueFailure {
    /// What the kernel said; 0 where it said nothing and did nothing.
    var error: CInt
    /// Whether it never worked.
    var isAtStart: Bool
}

/// Says that sends leave one by one: once, whatever the number of loops.
final class SendQueueLog: Sendable {
    private let logger: Logger
    private let isSaid = Atomic(false)

    init(_ logger: Logger) {
        self.logger = logger
    }

    func write(_ failure: SendQueueFailure) {
        guard !isSaid.exchange(true, ordering: .relaxed) else { return }
        let reason = failure.error == 0 ? "no progress" : Host.text(ofError: failure.error)
        // Many containers forbid it: no reason to warn at every start.
        logger.log(
            level: failure.isAtStart ? .info : .warning,
            "io_uring \(failure.isAtStart ? "cannot be used" : "has failed") (\(reason)): sends leave one by one")
    }
}
