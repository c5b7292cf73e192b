// In what the two drivers of `Engine.apply` differ: how much is looked at before a recorded route is applied.

internal import NIOCore

/// Looks at each message before it is applied.
protocol RouteChecker {
    /// A session begins with these routes.
    mutating func begin(_ routes: RouteTable)
    /// Looks at a message.
    ///
    /// - Returns: where its payload is, if that was found on the way and the decision is the recorded one; `nil` has the
    ///   body scanned for the recorded route.
    mutating func check(_ message: Message, at position: Position) -> RouteMatch?
}

/// Trusts the recorded route: the gateway has decided it a moment ago.
struct TrustedRoutes: RouteChecker {
    mutating func begin(_ routes: RouteTable) {}
    mutating func check(_ message: Message, at position: Position) -> RouteMatch? { nil }
}

/// Decides every route again, and keeps the first difference.
struct RouteComparison: RouteChecker {
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

    mutating func begin(_ routes: RouteTable) { self.routes = routes }

    mutating func check(_ message: Message, at position: Position) -> RouteMatch? {
        let match = routes.match(message.body.readableBytesSpan, isText: message.opcode == .text)
        if routes.agrees(match.decision, with: message.outcome) { return match }
        note(message.outcome, match.decision, at: position)
        return nil
    }

    @inline(never)
    private mutating func note(_ recorded: RouteOutcome, _ decision: RouteDecision, at position: Position) {
        guard divergence == nil, position >= first else { return }
        divergence = Divergence(
            position: position,
            reason: "the message was recorded as \(recorded), this build decides \(routes.outcome(of: decision))")
    }
}
