/// The kind of a complete WebSocket message, as the log records it and as recipients see it.
///
/// - SeeAlso: RFC 6455 §5.6. The raw values are the opcodes of §5.2, and they are on disk: never renumber them.
public enum MessageOpcode: UInt8, Sendable {
    /// The payload is UTF-8.
    case text = 1
    /// The payload is any bytes.
    case binary = 2
}

/// Every opcode that RFC 6455 §5.2 defines; 3–7 and 11–15 are reserved and have no case here.
///
/// Only the parser and the encoder see these: fragments and control frames do not leave this folder.
enum FrameOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    init(_ opcode: MessageOpcode) {
        switch opcode {
        case .text: self = .text
        case .binary: self = .binary
        }
    }

    /// Control frames have the top bit of the opcode set (RFC 6455 §5.5).
    var isControl: Bool { rawValue & 0b1000 != 0 }
}
