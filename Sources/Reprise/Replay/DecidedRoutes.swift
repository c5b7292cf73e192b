internal import NIOCore

/// Decides every route of a recording again, and applies what was recorded.
struct DecidedRoutes: Sendable {
    private(set) var routes: RouteTable
    /// What was decided of the last event, if it was a message.
    private(set) var decision: RouteDecision?
    /// Whether that is what was recorded; true for other events.
    private(set) var agrees = true

    /// - Parameter routes: what the session goes by, where the events do not begin with `sessionStarted`.
    init(_ routes: RouteTable) { self.routes = routes }

    /// - Returns: what the event orders, by the recorded outcome.
    @inline(__always)
    mutating func decide(_ event: Event) -> Delivery? {
        (decision, agrees) = (nil, true)
        switch event.fact {
        case .message(let message):
            let match = routes.match(message.body.readableBytesSpan, isText: message.opcode == .text)
            decision = match.decision
            agrees = routes.agrees(match.decision, with: message.outcome)
            guard agrees else { return Delivery(recorded: message, under: routes) }
            return Delivery(match, of: message, under: routes)
        case .sent(let sent):
            return Delivery(of: sent)
        case .sessionStarted(let started):
            routes = started.configuration.routes
            return nil
        case .connected, .disconnected, .skipped, .sessionEnded:
            return nil
        }
    }
}
