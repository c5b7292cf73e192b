// The facts. Everything that is not a function of earlier events is in one of these; nothing downstream reads a
// clock or a random source.

/// An immutable, recorded fact.
public struct Event: Equatable, Sendable {
    /// Where it stands in its log.
    public var position: Position
    /// When the Recorder stamped it; never earlier than the event before.
    public var time: Timestamp
    /// What happened.
    public var fact: Fact

    /// Makes an event.
    public init(position: Position, time: Timestamp, fact: Fact) {
        self.position = position
        self.time = time
        self.fact = fact
    }
}

/// What happened.
///
/// The rare and large facts are boxed, so that the frequent `message` decides the size of an `Event`.
public enum Fact: Equatable, Sendable {
    /// A run of a server begins.
    indirect case sessionStarted(SessionStarted)
    /// A client was accepted.
    indirect case connected(Connected)
    /// A client sent a complete message.
    case message(Message)
    /// The management API ordered a delivery.
    case sent(Sent)
    /// A connection ended.
    indirect case disconnected(Disconnected)
    /// A slow consumer was moved past a range of positions. Addresses nobody.
    case skipped(Skipped)
    /// The run of the server ends.
    case sessionEnded(SessionEndCause)
}
