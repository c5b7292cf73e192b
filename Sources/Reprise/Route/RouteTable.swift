public import NIOCore

/// The routes of a server and the expression that chooses between them.
///
/// A pure function of the body: the same table and the same bytes always give the same decision and the same payload, live
/// or in a replay. `selectionExpression.text` and each route's `description` are the whole of it, and rebuild it.
///
/// `$connect` and `$disconnect` may be listed and are never chosen: a body that evaluates to one of them matches nothing.
public struct RouteTable: Hashable, Sendable {
    /// The expression whose value is looked up among the keys.
    public let selectionExpression: RouteSelectionExpression
    /// The routes, in the order given; `RouteDecision.route` is an index into them.
    public let routes: [Route]

    /// The keys as bytes, beside `routes`. As a stored property it also makes equality exact: `String` holds two
    /// spellings of one accent for equal, routing does not.
    let keys: [[UInt8]]
    /// What is done, beside `routes`, so that the hot path copies no `Route`.
    let actions: [RouteAction]
    /// The keys that a body may select, beside `routes`; `JSONKey.none` for those it may not.
    private let selectableKeys: [JSONKey]
    /// The key that every body is scanned for.
    private let scannedKey: JSONKey
    private let defaultIndex: Int?

    /// Selects by `$request.body.action`; `onMessage` broadcasts `data`.
    public static let `default` = RouteTable(
        unchecked: .default, routes: [Route(key: "onMessage", action: .broadcast(.data))])

    /// Makes a table.
    ///
    /// - Parameter routes: any number, none included: then every message is forbidden.
    /// - Throws: `RouteTableError.emptyKey`, `.duplicateKey`, or `.reservedKey` for a key that begins with `$` and is none
    ///   of `$default`, `$connect`, `$disconnect`.
    public init(selectionExpression: RouteSelectionExpression, routes: [Route]) throws(RouteTableError) {
        var known: Set<[UInt8]> = []
        for route in routes {
            let key = Array(route.key.utf8)
            guard let first = key.first else { throw .emptyKey }
            guard first != UInt8(ascii: "$") || RouteTable.specialKeys.contains(route.key) else {
                throw .reservedKey(route.key)
            }
            guard known.insert(key).inserted else { throw .duplicateKey(route.key) }
        }
        self.init(unchecked: selectionExpression, routes: routes)
    }

    private static let specialKeys = ["$default", "$connect", "$disconnect"]

    private init(unchecked selectionExpression: RouteSelectionExpression, routes: [Route]) {
        self.selectionExpression = selectionExpression
        self.routes = routes
        keys = routes.map { Array($0.key.utf8) }
        actions = routes.map(\.action)
        selectableKeys = routes.map {
            $0.key == "$connect" || $0.key == "$disconnect" ? .none : JSONKey(Array($0.key.utf8))
        }
        scannedKey = selectionExpression.topLevelKey ?? .none
        defaultIndex = routes.firstIndex { $0.key == "$default" }
    }

    /// Decides what becomes of a message.
    ///
    /// A body that is binary, empty, not JSON, no object, or without the property goes to `$default`, as does an unknown
    /// key. Without a `$default` it is forbidden, but for JSON that is no object: that is a bad request body. This holds for an expression without variables too.
    ///
    /// - Parameters:
    ///   - body: the complete message, valid UTF-8 if it is text.
    ///   - isText: whether the message came as text (opcode 1) and not as binary (opcode 2).
    /// - Complexity: one pass over the body and one over the keys; no allocation if the expression is one top-level name
    ///   and the value a string without escapes. A longer path costs a pass over each value on its way.
    public func decide(_ body: RawSpan, isText: Bool) -> RouteDecision { match(body, isText: isText).decision }

    /// Decides what becomes of a message and remembers where its payload is.
    ///
    /// - Returns: the same decision as `decide(_:isText:)`, to be given to `appendPayload(of:body:to:)` with this body.
    public func match(_ body: RawSpan, isText: Bool) -> RouteMatch {
        let members = isText ? JSONBody(body, selecting: scannedKey) : nil
        let selected = members.flatMap { select($0, in: body) }
        guard let index = selected ?? defaultIndex else {
            let isOtherJSON = isText && members == nil && JSONBody.isValue(body)
            return RouteMatch(decision: .refused(isOtherJSON ? .badRequestBody : .forbidden), payload: .none)
        }
        switch actions[index].payloadSource {
        case .message:
            return RouteMatch(decision: .route(index), payload: .message)
        case .data:
            guard let data = members?.data else {
                return RouteMatch(decision: .refused(.badRequestBody), payload: .none)
            }
            return RouteMatch(decision: .route(index), payload: .data(data))
        }
    }

    /// Appends the payload of a match without scanning the body again; nothing if the message was refused.
    ///
    /// - Precondition: `match` was made from these very bytes. With others this traps, or appends bytes of no meaning.
    public func appendPayload(of match: RouteMatch, body: RawSpan, to output: inout ByteBuffer) {
        switch match.payload {
        case .none: break
        case .message: output.writeBytes(body)
        case .data(let slice) where slice.form == .canonical:
            output.writeBytes(body.extracting(slice.start..<slice.end))
        case .data(let slice):
            var rewriter = JSONRewriter()
            CanonicalJSON.append(slice, of: body, to: &output, with: &rewriter)
        }
    }

    /// The route whose key the expression evaluates to.
    @inline(__always)
    private func select(_ members: JSONBody, in body: RawSpan) -> Int? {
        if let selected = members.selected,
            let (start, end) = RouteSelectionExpression.verbatimText(of: selected, in: body)
        {
            guard start < end else { return nil }
            for index in selectableKeys.indices
            where selectableKeys[index].matches(from: start, to: end, hasEscapes: false, in: body) { return index }
            return nil
        }
        return selectByValue(members, in: body)
    }

    @inline(never)
    private func selectByValue(_ members: JSONBody, in body: RawSpan) -> Int? {
        var key: [UInt8] = []
        selectionExpression.appendValue(of: members, in: body, to: &key)
        return key.isEmpty ? nil : selectableKeys.firstIndex(of: JSONKey(key))
    }
}
