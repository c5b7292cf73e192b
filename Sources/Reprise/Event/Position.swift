/// The ordinal of an event in its log: gapless, the first event is 1, and 0 is "before the first".
public struct Position: RawRepresentable, Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The ordinal.
    public var rawValue: UInt64

    /// Wraps an ordinal.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Wraps an ordinal.
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// The position before the first event.
    public static let zero = Position(0)

    /// The position after this one.
    public var next: Position { Position(rawValue + 1) }

    /// The position before this one; 0 stays 0.
    public var previous: Position { Position(rawValue == 0 ? 0 : rawValue - 1) }

    /// Orders by ordinal.
    public static func < (left: Position, right: Position) -> Bool { left.rawValue < right.rawValue }

    /// The ordinal in decimal.
    public var description: String { String(rawValue) }
}
