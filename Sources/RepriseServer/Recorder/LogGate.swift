internal import Reprise
internal import Synchronization

/// Whether the log takes connects, messages and sends, readable from every loop; `/health` says why not.
final class LogGate: Sendable {
    private let reason = Mutex<String?>(nil)
    private let closed = Atomic<Bool>(false)

    /// Why the log refuses, or `nil` while it does not.
    var refusal: String? { reason.withLock { $0 } }

    /// Whether the log refuses.
    var isClosed: Bool { closed.load(ordering: .relaxed) }

    /// Refuses from now on.
    func close(because text: String) {
        reason.withLock { $0 = text }
        closed.store(true, ordering: .relaxed)
    }

    /// Takes intents again.
    func open() {
        reason.withLock { $0 = nil }
        closed.store(false, ordering: .relaxed)
    }
}
