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

    /// Decides the routes of a batch.
    ///
    /// - Parameter matches: gets one entry for each message, in order: its match, or `nil` where the decision differs
    ///   from the recorded one.
    mutating func decide(_ events: [Event], matches: inout [RouteMatch?]) {
        for event in events {
            switch event.fact {
            case .message(let message): matches.append(check(message, at: event.position))
            case .sessionStarted(let started): routes = started.configuration.routes
            case .connected, .sent, .disconnected, .skipped, .sessionEnded: break
            }
        }
    }

    @inline(__always)
    private mutating func check(_ message: Message, at position: Position) -> RouteMatch? {
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

extension RouteOutcome: CustomStringConvertible {
    /// The route, or the refusal, in words.
    public var description: String {
        switch self {
        case .route(let key): "route \(key)"
        case .refused(let refusal): "refused (\(refusal.message))"
        }
    }
}
