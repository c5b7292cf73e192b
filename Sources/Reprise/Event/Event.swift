// The facts. Everything that is not a function of earlier events is in one of these; nothing downstream reads a
// clock or a random source.

public import NIOCore

/// An immutable, recorded fact.
public struct Event: Equatable, Sendable {
    /// Where it stands in its log.
    public var position: Position
    /// When the Recorder stamped it; never earlier than the event before.
    public var time: Timestamp
    /// What happened.
    public var fact: Fact

    /// Makes an event.
    public init(position: Position, time: Timestamp, fact: Fact) {
        self.position = position
        self.time = time
        self.fact = fact
    }
}

/// What happened.
///
/// The rare and large facts are boxed, so that the frequent `message` decides the size of an `Event`.
public enum Fact: Equatable, Sendable {
    /// A run of a server begins.
    indirect case sessionStarted(SessionStarted)
    /// A client was accepted.
    indirect case connected(Connected)
    /// A client sent a complete message.
    case message(Message)
    /// The management API ordered a delivery.
    case sent(Sent)
    /// A connection ended.
    indirect case disconnected(Disconnected)
    /// A slow consumer was moved past a range of positions. Addresses nobody.
    case skipped(Skipped)
    /// The run of the server ends.
    case sessionEnded(SessionEndCause)
}

/// A run of a server, and everything that `Engine.apply` reads besides events.
public struct SessionStarted: Equatable, Sendable {
    /// Ordinal of the session in this log; the first is 1.
    public var session: SessionID
    /// The build that recorded it.
    public var version: String
    /// The machine that recorded it.
    public var node: String
    /// The routes and limits that decide deliveries.
    public var configuration: EngineConfiguration

    /// Makes the fact.
    public init(session: SessionID, version: String, node: String, configuration: EngineConfiguration) {
        self.session = session
        self.version = version
        self.node = node
        self.configuration = configuration
    }
}

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

/// A client sent a complete message.
public struct Message: Equatable, Sendable {
    /// The sender.
    public var connection: ConnectionID
    /// The message.
    public var message: MessageID
    /// The request; error frames carry it.
    public var request: RequestID
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The payload byte for byte, fragments joined.
    public var body: ByteBuffer
    /// The route that was chosen, or why none was.
    public var outcome: RouteOutcome

    /// Makes the fact.
    public init(
        connection: ConnectionID, message: MessageID, request: RequestID, opcode: MessageOpcode, body: ByteBuffer,
        outcome: RouteOutcome
    ) {
        self.connection = connection
        self.message = message
        self.request = request
        self.opcode = opcode
        self.body = body
        self.outcome = outcome
    }
}

/// What route selection said of a message.
public enum RouteOutcome: Equatable, Sendable {
    /// The key of the route that served it.
    case route(String)
    /// The sender gets an error frame.
    case refused(Refusal)
}

/// Whom an ordered delivery addresses.
public enum SendTarget: Equatable, Sendable {
    /// Every live connection.
    case everyone
    /// One connection.
    case connection(ConnectionID)
}

/// The management API ordered a delivery.
public struct Sent: Equatable, Sendable {
    /// The management request.
    public var request: RequestID
    /// Whom it addresses.
    public var target: SendTarget
    /// Text or binary.
    public var opcode: MessageOpcode
    /// The payload as delivered: invalid UTF-8 has become U+FFFD already.
    public var body: ByteBuffer

    /// Makes the fact.
    public init(request: RequestID, target: SendTarget, opcode: MessageOpcode, body: ByteBuffer) {
        self.request = request
        self.target = target
        self.opcode = opcode
        self.body = body
    }
}

/// Why a connection ended.
public enum DisconnectCause: UInt8, Sendable, CaseIterable {
    /// The client sent a Close frame.
    case client = 1
    /// No traffic for the idle time.
    case idle
    /// The connection reached its longest life.
    case lifetime
    /// It did not read, and its outbox fell out of the ring.
    case slowConsumer
    /// The client broke RFC 6455 or a limit.
    case `protocol`
    /// `DELETE @connections/{id}`.
    case deleted
    /// The server stopped.
    case shutdown
    /// The socket ended without a Close frame.
    case lost
    /// The server died; written by the next one.
    case crash
}

/// A connection ended.
public struct Disconnected: Equatable, Sendable {
    /// The connection.
    public var connection: ConnectionID
    /// The disconnect request.
    public var request: RequestID
    /// The close code: what the client sent, what the server sent, or 1005/1006 where there was none.
    public var code: CloseCode
    /// The close reason.
    public var reason: String
    /// Why.
    public var cause: DisconnectCause
    /// Everything addressed to the connection at or before this position had left in full (the kernel took its last
    /// byte); the next thing addressed to it had not. `nil` after a crash.
    public var deliveredThrough: Position?
    /// After a crash: at least this much had left, by the last checkpoint. `nil` where no checkpoint says so.
    public var deliveredAtLeast: Position?
    /// Bytes of frames that the kernel took.
    public var bytesSent: UInt64

    /// Makes the fact.
    public init(
        connection: ConnectionID, request: RequestID, code: CloseCode, reason: String, cause: DisconnectCause,
        deliveredThrough: Position? = nil, deliveredAtLeast: Position? = nil, bytesSent: UInt64 = 0
    ) {
        self.connection = connection
        self.request = request
        self.code = code
        self.reason = reason
        self.cause = cause
        self.deliveredThrough = deliveredThrough
        self.deliveredAtLeast = deliveredAtLeast
        self.bytesSent = bytesSent
    }
}

/// A slow consumer was moved past a range of positions.
public struct Skipped: Equatable, Sendable {
    /// The connection.
    public var connection: ConnectionID
    /// The first position that it was not sent.
    public var first: Position
    /// The last position that it was not sent.
    public var last: Position

    /// Makes the fact.
    public init(connection: ConnectionID, first: Position, last: Position) {
        self.connection = connection
        self.first = first
        self.last = last
    }
}

/// Why a session ended.
public enum SessionEndCause: UInt8, Sendable, CaseIterable {
    /// The server was asked to stop.
    case shutdown = 1
    /// The server died; written by the next one.
    case crash
}

/// The ordinal of a session in its log; the first is 1.
public struct SessionID: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The ordinal.
    public var rawValue: UInt64

    /// Wraps an ordinal.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Wraps an ordinal.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Orders by ordinal.
    public static func < (left: SessionID, right: SessionID) -> Bool { left.rawValue < right.rawValue }

    /// The ordinal in decimal.
    public var description: String { String(rawValue) }
}
