/// A 64-bit digest as text: 16 lower-case hex digits, most significant first.
public struct HexDigest: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The digest.
    public var rawValue: UInt64

    /// Wraps a digest.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// Reads exactly 16 hex digits.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 16, let value = UInt64(text, radix: 16) else { return nil }
        rawValue = value
    }

    /// The 16 digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}
