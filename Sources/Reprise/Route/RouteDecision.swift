/// What a `RouteTable` makes of one message.
public enum RouteDecision: Hashable, Sendable {
    /// The message takes the route at this index of `RouteTable.routes`, and its payload can be had.
    case route(Int)
    /// The message is answered with an error frame to its sender.
    case refused(Refusal)
}

/// Why a message takes no route.
///
/// *Shape*: the raw value is one byte, stable on disk; 0 is left free for "not refused".
public enum Refusal: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// No route has the selected key, and there is no `$default`.
    case forbidden = 1
    /// The route wants the member `data`, and the body is not a JSON object that has one.
    case badRequestBody = 2

    /// The text of `message` in the error frame, as clients of the service know it.
    public var message: String {
        switch self {
        case .forbidden: "Forbidden"
        case .badRequestBody: "Bad request body"
        }
    }

    /// The same as `message`.
    public var description: String { message }
}

/// A decision together with where the payload is, so that a second scan of the body can be spared.
///
/// It belongs to the body it was made from and holds nothing of it but offsets.
public struct RouteMatch: Hashable, Sendable {
    /// What the table decided.
    public let decision: RouteDecision
    /// Where the payload is; nothing for a refused message.
    let payload: Payload

    enum Payload: Hashable, Sendable {
        case none
        case message
        case data(JSONSlice)
    }
}
