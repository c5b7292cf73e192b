/// Folds events into a projection.
public enum Projector {
    /// Folds one event.
    ///
    /// - Returns: whether the event was possible: a `connected` of an id that is not live, or a `disconnected` of one
    ///   that is. Other events are always possible. A log that we wrote holds no impossible event.
    @discardableResult
    public static func fold(_ event: Event, into projection: inout Projection) -> Bool {
        var possible = true
        switch event.fact {
        case .connected(let connected): possible = projection.open(connected.connection, at: event.position)
        case .disconnected(let disconnected): possible = projection.close(disconnected.connection)
        case .sessionStarted, .message, .sent, .skipped, .sessionEnded: break
        }
        projection.advance(to: event.position)
        return possible
    }
}
