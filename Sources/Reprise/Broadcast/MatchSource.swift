// In what the two drivers of `Engine.apply` differ: whether a message's body was scanned before it is applied.

/// Where the engine has a message's match from, if there is one already.
protocol MatchSource {
    /// The match of the next message, if its body was scanned and the decision is the recorded one; `nil` has the body
    /// scanned for the recorded route.
    mutating func next() -> RouteMatch?
}

/// No match: the gateway has decided the route a moment ago, and only the route is in the log.
struct NoMatches: MatchSource {
    mutating func next() -> RouteMatch? { nil }
}

/// The matches of a batch's messages, in order.
struct PreparedMatches: MatchSource {
    let matches: [RouteMatch?]
    private var index = 0

    init(_ matches: [RouteMatch?]) { self.matches = matches }

    mutating func next() -> RouteMatch? {
        defer { index += 1 }
        return matches[index]
    }
}
