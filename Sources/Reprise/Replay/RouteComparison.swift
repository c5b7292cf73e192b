internal import NIOCore

/// Decides every route again, and keeps the first difference.
struct RouteComparison: Sendable {
    private var routes: RouteTable
    /// Differences before this position are not kept.
    private let first: Position
    /// The first difference.
    private(set) var divergence: Divergence?

    /// - Parameters:
    ///   - routes: what the session goes by, where the comparison does not begin with `sessionStarted`.
    ///   - first: the first position whose difference counts.
    init(_ routes: RouteTable, from first: Position) {
        self.routes = routes
        self.first = first
    }

    /// Decides what an event of the log orders. Where the route is decided otherwise than it was recorded, the recorded one is
    /// applied.
    @inline(__always)
    mutating func decide(_ event: Event) -> Delivery? {
        switch event.fact {
        case .message(let message):
            let match = routes.match(message.body.readableBytesSpan, isText: message.opcode == .text)
            if routes.agrees(match.decision, with: message.outcome) {
                return Delivery(match, of: message, under: routes)
            }
            note(message.outcome, match.decision, at: event.position)
            return routes.match(recorded: message).flatMap { Delivery($0, of: message, under: routes) }
        case .sent(let sent):
            return Delivery(of: sent)
        case .sessionStarted(let started):
            routes = started.configuration.routes
            return nil
        case .connected, .disconnected, .skipped, .sessionEnded:
            return nil
        }
    }

    @inline(never)
    private mutating func note(_ recorded: RouteOutcome, _ decision: RouteDecision, at position: Position) {
        guard divergence == nil, position >= first else { return }
        divergence = Divergence(
            position: position,
            reason: "the message was recorded as \(recorded), this build decides \(routes.outcome(of: decision))")
    }
}

extension RouteOutcome: CustomStringConvertible {
    /// The route, or the refusal, in words.
    public var description: String {
        switch self {
        case .route(let key): "route \(key)"
        case .refused(let refusal): "refused (\(refusal.message))"
        }
    }
}
