extension RouteSelectionExpression {
    /// The route key that a body selects, before the table is asked for a route of that name.
    ///
    /// - Returns: the evaluated text, empty if nothing was found; nil if the body is not a JSON object. Half a surrogate
    ///   pair, which no key can contain, becomes U+FFFD.
    /// - Complexity: O(bytes of the body × variables of the expression).
    public func value(for body: RawSpan) -> String? {
        guard let members = JSONBody(body, selecting: topLevelKey ?? .none) else { return nil }
        var output: [UInt8] = []
        appendValue(of: members, in: body, to: &output)
        return String(decoding: output, as: UTF8.self)
    }

    /// Appends the evaluated text for a body that was scanned with `topLevelKey`.
    func appendValue(of members: JSONBody, in body: RawSpan, to output: inout [UInt8]) {
        if topLevelKey != nil {
            if let selected = members.selected {
                RouteSelectionExpression.appendText(of: selected, in: body, to: &output)
            }
            return
        }
        for piece in pieces {
            switch piece {
            case .literal(let text): output += text
            case .variable(let path):
                if let slice = RouteSelectionExpression.follow(path, in: body) {
                    RouteSelectionExpression.appendText(of: slice, in: body, to: &output)
                }
            }
        }
    }

    /// The bytes that are a value's text as they stand in the body, if there are such: strings without escapes, and numbers
    /// and truth values in canonical form.
    @inline(__always)
    static func verbatimText(of slice: JSONSlice, in body: RawSpan) -> (start: Int, end: Int)? {
        switch body.jsonByte(at: slice.start) {
        case UInt8(ascii: "\""): slice.hasEscapes ? nil : (slice.start &+ 1, slice.end &- 1)
        case UInt8(ascii: "["), UInt8(ascii: "{"), UInt8(ascii: "n"): nil
        default: slice.form == .canonical ? (slice.start, slice.end) : nil
        }
    }

    /// Walks a path through a body that is known to be a JSON object.
    static func follow(_ path: [Step], in body: RawSpan) -> JSONSlice? {
        var scanner = JSONScanner()
        scanner.skipSpace(in: body)
        var slice = JSONSlice(start: scanner.offset, end: body.byteCount, form: .other, hasEscapes: true)
        for step in path {
            let next =
                switch step {
                case .member(let key): JSONBody.member(key, of: slice, in: body)
                case .element(let index): JSONBody.element(index, of: slice, in: body)
                }
            guard let next else { return nil }
            slice = next
        }
        return slice
    }

    private static func appendText(of slice: JSONSlice, in body: RawSpan, to output: inout [UInt8]) {
        if let (start, end) = verbatimText(of: slice, in: body) {
            for offset in start..<end { output.append(body.jsonByte(at: offset)) }
        } else {
            JSONParser.parse(body, from: slice.start, to: slice.end)?.appendRouteText(to: &output)
        }
    }
}
