/// The head of a frame as servers send it: unmasked (RFC 6455 §5.2).
struct ServerFrame: Equatable {
    /// What the first bytes of a frame say.
    enum Reading: Equatable {
        /// More bytes are needed to know the head.
        case incomplete
        /// A head that no server may send, or that the generator does not read (fragments); with the reason.
        case refused(String)
        /// A whole head.
        case head(ServerFrame)
    }

    /// The low four bits of the first byte.
    var opcode: UInt8
    /// Bytes before the payload: 2, 4 or 10.
    var headBytes: Int
    /// Bytes of the payload.
    var payloadBytes: Int

    /// Bytes of the whole frame.
    var byteCount: Int { headBytes + payloadBytes }
    /// Close, ping and pong: frames for one client that are no part of the common stream.
    var isControl: Bool { opcode & 0x8 != 0 }

    /// Reads the head of the frame at the start of `bytes`.
    static func read(_ bytes: Span<UInt8>) -> Reading {
        guard bytes.count >= 2 else { return .incomplete }
        let first = bytes[0]
        let second = bytes[1]
        guard first & 0x70 == 0 else { return .refused("reserved bits are set") }
        guard second & 0x80 == 0 else { return .refused("the server masked a frame") }
        let opcode = first & 0x0F
        guard first & 0x80 != 0, opcode != 0 else { return .refused("the server sent fragments, which are not read") }
        guard [0x1, 0x2, 0x8, 0x9, 0xA].contains(opcode) else { return .refused("opcode \(opcode) is unknown") }
        switch second {
        case 126:
            guard bytes.count >= 4 else { return .incomplete }
            let length = Int(bytes[2]) << 8 | Int(bytes[3])
            return .head(ServerFrame(opcode: opcode, headBytes: 4, payloadBytes: length))
        case 127:
            guard bytes.count >= 10 else { return .incomplete }
            var length: UInt64 = 0
            for index in 2..<10 { length = length << 8 | UInt64(bytes[index]) }
            guard length <= 1 << 30 else { return .refused("a length of \(length) bytes") }
            return .head(ServerFrame(opcode: opcode, headBytes: 10, payloadBytes: Int(length)))
        default:
            return .head(ServerFrame(opcode: opcode, headBytes: 2, payloadBytes: Int(second)))
        }
    }
}
