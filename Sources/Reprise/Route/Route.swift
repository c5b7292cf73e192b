/// A route key and what is done with a message that selects it.
///
/// *Shape as text*: `KEY=broadcast` (the same as `KEY=broadcast:data`), `KEY=broadcast:message`, `KEY=echo` (the same as
/// `KEY=echo:message`), `KEY=echo:data`, `KEY=record`. The key ends at the last `=`, so that it may contain one.
public struct Route: Hashable, Sendable, CustomStringConvertible {
    /// The key, compared with the evaluated selection expression byte for byte.
    public var key: String
    /// What is done with the message.
    public var action: RouteAction

    /// Makes a route. Whether its key is allowed is decided by the `RouteTable` it goes into.
    public init(key: String, action: RouteAction) {
        self.key = key
        self.action = action
    }

    /// Parses the text form.
    ///
    /// - Throws: `RouteTableError.routeWithoutAction` without a `=`; `.emptyKey`; `.unknownAction` if what follows the last
    ///   `=` is not an action.
    public init(parsing text: String) throws(RouteTableError) {
        // By bytes: a `Character` could be an equals sign with an accent on it, and the key would not end there.
        guard let equals = text.utf8.lastIndex(of: UInt8(ascii: "=")) else { throw .routeWithoutAction(text) }
        let key = String(decoding: text.utf8[..<equals], as: UTF8.self)
        let word = String(decoding: text.utf8[equals...].dropFirst(), as: UTF8.self)
        guard !key.isEmpty else { throw .emptyKey }
        guard let action = RouteAction(word) else { throw .unknownAction(word, route: text) }
        self.init(key: key, action: action)
    }

    /// The text form with the payload's source spelled out; `init(parsing:)` reads it back.
    public var description: String { "\(key)=\(action)" }
}

/// What is done with a message: who gets it, and which part of it.
public enum RouteAction: Hashable, Sendable, CustomStringConvertible {
    /// Send the payload to every live connection, the sender included.
    case broadcast(PayloadSource)
    /// Send the payload to the sender only. Its word is `echo`.
    case reply(PayloadSource)
    /// Keep the message in the log and send nothing to anybody.
    case record

    /// Parses `broadcast`, `broadcast:SOURCE`, `echo`, `echo:SOURCE` or `record`; nil if the word is anything else.
    public init?(_ text: String) {
        switch text {
        case "broadcast", "broadcast:data": self = .broadcast(.data)
        case "broadcast:message": self = .broadcast(.message)
        case "echo", "echo:message": self = .reply(.message)
        case "echo:data": self = .reply(.data)
        case "record": self = .record
        default: return nil
        }
    }

    /// Which part of the message is sent; the whole of it where nothing is, so that any message will do.
    public var payloadSource: PayloadSource {
        switch self {
        case .broadcast(let source), .reply(let source): source
        case .record: .message
        }
    }

    /// The text form with the payload's source spelled out, such as `broadcast:data`.
    public var description: String {
        switch self {
        case .broadcast(let source): "broadcast:\(source)"
        case .reply(let source): "echo:\(source)"
        case .record: "record"
        }
    }
}
