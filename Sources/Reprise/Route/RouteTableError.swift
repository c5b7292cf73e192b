/// Why a selection expression, a route or a table of routes was refused. Each description names the remedy.
public enum RouteTableError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A route's key is the empty string, which is what a missing property selects.
    case emptyKey
    /// Two routes have the same key, byte for byte.
    case duplicateKey(String)
    /// A key begins with `$` and is none of `$default`, `$connect`, `$disconnect`.
    case reservedKey(String)
    /// The text of a route has no `=`.
    case routeWithoutAction(String)
    /// The text after a route's last `=` is not an action.
    case unknownAction(String, route: String)
    /// The selection expression does not follow the grammar.
    case invalidExpression(String, problem: ExpressionProblem)

    /// What is wrong with a selection expression.
    public enum ExpressionProblem: Error, Hashable, Sendable {
        /// The expression has no characters.
        case empty
        /// A `$` is neither `${…}`, nor escaped as `\$`, nor the first character of a lone `$request.body.…`.
        case loneDollar
        /// A `${` has no `}` after it.
        case unclosedBrace
        /// A variable is not under `request.body`; carries the variable.
        case unknownVariable(String)
        /// What follows `request.body` is not a chain of `.name`, `[0]` and `['name']`; carries the variable.
        case invalidPath(String)
    }

    /// One sentence on what is wrong, and one on what to write instead.
    public var description: String {
        switch self {
        case .emptyKey:
            "A route has an empty key. Write KEY=ACTION with a key, or $default=ACTION for messages that match no key."
        case .duplicateKey(let key):
            "The route key '\(key)' is given twice. Remove one of the two routes, or rename its key."
        case .reservedKey(let key):
            "The route key '\(key)' begins with '$', which is reserved. "
                + "Use $default, $connect or $disconnect, or a key without '$' in front."
        case .routeWithoutAction(let text):
            "The route '\(text)' has no action. Write KEY=ACTION; \(Self.actions)."
        case .unknownAction(let action, let route):
            "The action '\(action)' of the route '\(route)' is not known; \(Self.actions)."
        case .invalidExpression(let text, let problem):
            "The route selection expression '\(text)' cannot be read: \(problem.description)"
        }
    }

    private static let actions =
        "the actions are broadcast, broadcast:data, broadcast:message, echo, echo:data, echo:message and record"
}

extension RouteTableError.ExpressionProblem: CustomStringConvertible {
    /// What is wrong, and what to write instead.
    public var description: String {
        switch self {
        case .empty:
            "it is empty. Write for example $request.body.action."
        case .loneDollar:
            "a '$' stands alone. Write ${request.body.NAME} between other text, and \\$ for a literal dollar sign."
        case .unclosedBrace:
            "a '${' is not closed. Write ${request.body.NAME}."
        case .unknownVariable(let variable):
            "'\(variable)' is not part of the body. Only request.body.NAME can be selected by."
        case .invalidPath(let variable):
            "the path of '\(variable)' cannot be followed. "
                + "Write names and indices, such as request.body.data.room or request.body.list[0]['odd name']."
        }
    }
}
