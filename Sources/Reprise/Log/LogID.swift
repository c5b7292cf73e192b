/// The identity of one log. A resume, or a comparison, names a `LogID` and a `Position`: the same position in another
/// log is another event.
public struct LogID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// A random number, drawn when the log was made.
    public var rawValue: UInt64

    /// Wraps an identity.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// 16 hex digits.
    public var description: String { HexDigest(rawValue: rawValue).description }
}
