/// Which part of a message becomes the payload that recipients get.
///
/// *Shape*: the raw value is one byte, stable on disk.
public enum PayloadSource: UInt8, Hashable, Sendable, CaseIterable, CustomStringConvertible {
    /// The JSON value of the body's member `data`, written as `CanonicalJSON` says.
    case data = 0
    /// The body, byte for byte.
    case message = 1

    /// The word for it in the text of a route: `data` or `message`.
    public var description: String {
        switch self {
        case .data: "data"
        case .message: "message"
        }
    }
}
