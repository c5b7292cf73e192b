internal import NIOCore

extension RouteTable {
    /// The index of the route with this key, as a recording names it. Complexity: O(n) in the number of routes.
    public func index(of key: String) -> Int? {
        keys.indices.first { isKey($0, key) }
    }

    /// Whether `decision` is what was recorded.
    func agrees(_ decision: RouteDecision, with recorded: RouteOutcome) -> Bool {
        switch (decision, recorded) {
        case (.refused(let decided), .refused(let refusal)): decided == refusal
        case (.route(let index), .route(let key)): isKey(index, key)
        default: false
        }
    }

    /// Whether a route has this key. By bytes: `==` of `String` would take a composed and a decomposed é for the same.
    private func isKey(_ index: Int, _ key: String) -> Bool {
        let bytes = key.utf8.span
        guard bytes.count == keys[index].count else { return false }
        for offset in bytes.indices where bytes[offset] != keys[index][offset] { return false }
        return true
    }

    /// What became of a message, as it was recorded, and where its payload is then; `nil` if there is no such route.
    func match(recorded message: Message) -> RouteMatch? {
        switch message.outcome {
        case .refused(let refusal): RouteMatch(decision: .refused(refusal), payload: .none)
        case .route(let key): match(message.body.readableBytesSpan, recorded: key)
        }
    }

    /// What `decide` would have recorded.
    public func outcome(of body: RawSpan, opcode: MessageOpcode) -> RouteOutcome {
        outcome(of: decide(body, isText: opcode == .text))
    }

    /// A decision as it is recorded.
    public func outcome(of decision: RouteDecision) -> RouteOutcome {
        switch decision {
        case .route(let index): .route(routes[index].key)
        case .refused(let refusal): .refused(refusal)
        }
    }

    /// Where the payload is that the recorded route takes from a body, whatever `match(_:isText:)` would decide.
    ///
    /// - Returns: `nil` if there is no route with this key. A match without a payload if the route wants `data` and the
    ///   body has none.
    func match(_ body: RawSpan, recorded key: String) -> RouteMatch? {
        guard let index = index(of: key) else { return nil }
        switch actions[index].payloadSource {
        case .message:
            return RouteMatch(decision: .route(index), payload: .message)
        case .data:
            let data = JSONBody(body, selecting: .none)?.data
            return RouteMatch(decision: .route(index), payload: data.map { .data($0) } ?? .none)
        }
    }
}
