/// What happens to a connection whose next bytes fall out of the ring.
public enum SlowConsumerPolicy: String, Sendable, CaseIterable {
    /// It is closed with 1008, and the log says how far it got.
    case disconnect
}
