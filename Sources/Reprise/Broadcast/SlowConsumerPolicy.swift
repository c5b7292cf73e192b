/// What happens to a connection whose next bytes fall out of the ring. Others never notice.
public enum SlowConsumerPolicy: String, Sendable, CaseIterable {
    /// It is closed with 1008, and the log says how far it got.
    case disconnect
    /// It gets what it has missed from the log, a bounded stretch at a time, until it has caught up with the ring.
    case catchUp
    /// It completes the message in flight and goes on with the newest one; the log says which positions were skipped.
    case skip
}
