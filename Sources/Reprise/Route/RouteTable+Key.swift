extension RouteTable {
    /// The index of the route with this key, as a recording names it. Complexity: O(n) in the number of routes.
    public func index(of key: String) -> Int? {
        // By bytes: `==` of `String` would take a composed and a decomposed é for the same route.
        routes.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }

    /// What `decide` would have recorded.
    public func outcome(of body: RawSpan, opcode: MessageOpcode) -> RouteOutcome {
        switch decide(body, isText: opcode == .text) {
        case .route(let index): .route(routes[index].key)
        case .refused(let refusal): .refused(refusal)
        }
    }
}
