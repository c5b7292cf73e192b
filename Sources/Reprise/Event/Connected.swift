/// One header of the connect request.
public struct Header: Equatable, Sendable {
    /// The name, spelled as the client did.
    public var name: String
    /// The value.
    public var value: String

    /// Makes a header.
    public init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// A client was accepted.
public struct Connected: Equatable, Sendable {
    /// The new connection.
    public var connection: ConnectionID
    /// The connect request.
    public var request: RequestID
    /// The peer's address, without the port.
    public var sourceIP: String
    /// The `Host` header.
    public var host: String
    /// The stage that the client connected to.
    public var stage: String
    /// The raw query string without `?`, empty when there was none.
    public var query: String
    /// The connect headers in order, less the redacted ones.
    public var headers: [Header]
    /// The subprotocol that the server chose.
    public var subprotocol: String?
    /// Who the client is, where an authorizer said so.
    public var principal: String?

    /// Makes the fact.
    public init(
        connection: ConnectionID, request: RequestID, sourceIP: String, host: String, stage: String,
        query: String = "", headers: [Header] = [], subprotocol: String? = nil, principal: String? = nil
    ) {
        self.connection = connection
        self.request = request
        self.sourceIP = sourceIP
        self.host = host
        self.stage = stage
        self.query = query
        self.headers = headers
        self.subprotocol = subprotocol
        self.principal = principal
    }

    /// The `User-Agent` header, if the client sent one.
    public var userAgent: String? {
        headers.first { $0.name.lowercased() == "user-agent" }?.value
    }
}
