// How a session begins and ends.

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
