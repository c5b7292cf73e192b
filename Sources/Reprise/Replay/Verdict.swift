/// What became of one message for one connection. Exactly one of these holds for every pair.
public enum Verdict: String, Sendable, CaseIterable {
    /// The kernel took its last byte.
    case delivered
    /// It was ordered before the connection was in the log.
    case notYetConnected
    /// It was ordered after the connection had left the log.
    case alreadyDisconnected
    /// Not all of it had left when the connection ended, and nothing after it.
    case cutOff
    /// The policy for slow consumers passed it over.
    case skipped
    /// It was for somebody else, or the event orders no delivery at all.
    case notAddressed
    /// Nobody knows: the server crashed, or the connection is open, and no checkpoint says that it had left.
    case unknown
}
