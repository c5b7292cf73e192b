/// What a checkpoint says of what had left, connection by connection. For whom no `disconnected` says it: the connections
/// of a crashed server, and those that are still open.
struct Departures: Sendable {
    /// The position of the checkpoint.
    let checkpoint: Position?
    private let observation: Checkpoint.Observation?
    private let behind: [ConnectionID: Position]

    /// Takes up a checkpoint; without one, nothing is known.
    init(_ checkpoint: Checkpoint?) {
        self.checkpoint = checkpoint?.position
        observation = checkpoint?.observation
        behind = Dictionary(
            (checkpoint?.observation.behind ?? []).map { ($0.connection, $0.deliveredThrough) },
            uniquingKeysWith: { first, _ in first })
    }

    /// Everything addressed to the connection at or before this position had left, but for what a `skipped` names; `nil`
    /// where the checkpoint does not say so of any position.
    ///
    /// - Parameter opened: the position of the connection's `connected`.
    func atLeast(for connection: ConnectionID, opened: Position) -> Position? {
        guard let observation else { return nil }
        if let through = behind[connection] { return through > .zero ? through : nil }
        guard !observation.isTruncated, opened <= observation.performedThrough else { return nil }
        return observation.performedThrough
    }
}
