/// Decides every route again, and keeps the first difference.
struct RouteComparison: Sendable {
    private var routes: DecidedRoutes
    /// Differences before this position are not kept.
    private let first: Position
    /// The first difference.
    private(set) var divergence: Divergence?

    /// - Parameters:
    ///   - routes: what the session goes by, where the comparison does not begin with `sessionStarted`.
    ///   - first: the first position whose difference counts.
    init(_ routes: RouteTable, from first: Position) {
        self.routes = DecidedRoutes(routes)
        self.first = first
    }

    /// Decides what an event of the log orders. Where the route is decided otherwise than it was recorded, the recorded one is
    /// applied.
    @inline(__always)
    mutating func decide(_ event: Event) -> Delivery? {
        let delivery = routes.decide(event)
        if !routes.agrees { note(event) }
        return delivery
    }

    @inline(never)
    private mutating func note(_ event: Event) {
        guard divergence == nil, event.position >= first, let decision = routes.decision,
            case .message(let message) = event.fact
        else { return }
        divergence = Divergence(
            position: event.position,
            reason: "the message was recorded as \(message.outcome), this build decides "
                + "\(routes.routes.outcome(of: decision))")
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
