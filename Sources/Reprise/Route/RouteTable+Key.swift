extension RouteTable {
    /// The index of the route with this key, as a recording names it. Complexity: O(n) in the number of routes.
    public func index(of key: String) -> Int? {
        routes.firstIndex { $0.key == key }
    }

    /// What `decide` would have recorded.
    public func outcome(of body: RawSpan, opcode: MessageOpcode) -> RouteOutcome {
        switch decide(body, isText: opcode == .text) {
        case .route(let index): .route(routes[index].key)
        case .refused(let refusal): .refused(refusal)
        }
    }
}
