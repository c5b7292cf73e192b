/// The expression that computes a message's route key from its body.
///
/// *Shape*: either one bare variable, `$request.body.action`; or text in which each `${request.body.action}` is replaced
/// by its value, once and not recursively, and `\$` stands for a dollar sign. A path after `request.body` is a chain of
/// `.name`, `[0]` and `['name']`.
///
/// *Values as text*: a string is itself; a number is as JavaScript writes it (`1.0` → `1`); `true`, `false`; an array is
/// `[a, b]` and an object `{k=a, l=b}`, both as Java prints them, with strings bare, `null` inside them, and members in the
/// order of `CanonicalJSON`. A missing path is the empty text, and so is null: the service's JSONPath gives null for both.
///
/// - SeeAlso: `specs/aws-websocket-api.md`, section 2. The texts of objects and null are our choice, as is refusing
///   variables outside `request.body` and JSONPath's wildcards, slices and filters.
public struct RouteSelectionExpression: Hashable, Sendable, CustomStringConvertible {
    /// The expression as it was written.
    public let text: String

    /// What to put together; adjacent literals are merged.
    let pieces: [Piece]

    /// The key, if the expression is one variable with one name: the hot path.
    let topLevelKey: JSONKey?

    /// A part of an expression.
    enum Piece: Hashable, Sendable {
        case literal([UInt8])
        case variable([Step])
    }

    /// One step of a path.
    enum Step: Hashable, Sendable {
        case member(JSONKey)
        case element(Int)
    }

    /// Selects by the member `action`, which is what the service's tools default to.
    public static let `default` = RouteSelectionExpression(topLevel: "action")

    /// Parses an expression.
    ///
    /// - Throws: `RouteTableError.invalidExpression`, saying which part is wrong and what to write instead.
    public init(_ text: String) throws(RouteTableError) {
        do {
            pieces = try RouteSelectionExpression.parse(Array(text.utf8))
        } catch {
            throw .invalidExpression(text, problem: error)
        }
        self.text = text
        if pieces.count == 1, case .variable(let path) = pieces[0], path.count == 1, case .member(let key) = path[0] {
            topLevelKey = key
        } else {
            topLevelKey = nil
        }
    }

    private init(topLevel key: String) {
        text = "$request.body." + key
        let prepared = JSONKey(Array(key.utf8))
        topLevelKey = prepared
        pieces = [.variable([.member(prepared)])]
    }

    /// The expression as it was written.
    public var description: String { text }
}

extension RouteSelectionExpression {
    private static let bodyPrefix = Array("request.body".utf8)
    private static let dollar = UInt8(ascii: "$")
    private static let backslash = UInt8(ascii: "\\")

    private static func parse(_ text: [UInt8]) throws(RouteTableError.ExpressionProblem) -> [Piece] {
        guard !text.isEmpty else { throw .empty }
        if text[0] == dollar, text.count > 1, text[1] != UInt8(ascii: "{") {
            return [.variable(try path(text[1...]))]
        }
        var pieces: [Piece] = []
        var literal: [UInt8] = []
        var rest = text[...]
        while let byte = rest.popFirst() {
            if byte == backslash, rest.first == dollar {
                literal.append(dollar)
                rest.removeFirst()
            } else if byte == dollar {
                guard rest.first == UInt8(ascii: "{") else { throw .loneDollar }
                rest.removeFirst()
                guard let end = rest.firstIndex(of: UInt8(ascii: "}")) else { throw .unclosedBrace }
                if !literal.isEmpty { pieces.append(.literal(literal)) }
                literal = []
                pieces.append(.variable(try path(rest[..<end])))
                rest = rest[(end + 1)...]
            } else {
                literal.append(byte)
            }
        }
        if !literal.isEmpty { pieces.append(.literal(literal)) }
        return pieces
    }

    /// Parses `request.body.a.b[0]['c']` into its steps.
    private static func path(_ variable: ArraySlice<UInt8>) throws(RouteTableError.ExpressionProblem) -> [Step] {
        let name = String(decoding: variable, as: UTF8.self)
        guard variable.starts(with: bodyPrefix) else { throw .unknownVariable(name) }
        var rest = variable.dropFirst(bodyPrefix.count)
        guard rest.isEmpty || rest.first == UInt8(ascii: ".") || rest.first == UInt8(ascii: "[") else {
            throw .unknownVariable(name)
        }
        var steps: [Step] = []
        while let mark = rest.popFirst() {
            if mark == UInt8(ascii: ".") {
                let key = rest.prefix { !".[]*$ '\"".utf8.contains($0) }
                guard !key.isEmpty else { throw .invalidPath(name) }
                steps.append(.member(JSONKey(Array(key))))
                rest = rest[key.endIndex...]
            } else if mark == UInt8(ascii: "["), let end = rest.firstIndex(of: UInt8(ascii: "]")) {
                guard let step = bracketed(rest[..<end]) else { throw .invalidPath(name) }
                steps.append(step)
                rest = rest[(end + 1)...]
            } else {
                throw .invalidPath(name)
            }
        }
        guard !steps.isEmpty else { throw .invalidPath(name) }
        return steps
    }

    private static func bracketed(_ text: ArraySlice<UInt8>) -> Step? {
        if let quote = text.first, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") {
            let key = text.dropFirst().dropLast()
            guard text.count > 2, text.last == quote, !key.contains(quote) else { return nil }
            return .member(JSONKey(Array(key)))
        }
        guard !text.isEmpty, text.allSatisfy(JSONScanner.isDigit) else { return nil }
        return Int(String(decoding: text, as: UTF8.self)).map { .element($0) }
    }
}
