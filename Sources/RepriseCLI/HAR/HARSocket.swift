internal import NIOCore
internal import Reprise

/// A WebSocket of a HAR.
struct HARSocket {
    /// A message, as its browser saw it.
    struct Message {
        var time: Timestamp
        var isSent: Bool
        var opcode: MessageOpcode
        var body: ByteBuffer
    }

    var connected: Connected
    var opensAt: Timestamp
    var closesAt = Timestamp(rawValue: 0)
    /// In the order of the browser; times do not go back.
    var messages: [Message] = []
}
