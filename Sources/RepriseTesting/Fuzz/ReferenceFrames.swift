// RFC 6455 from the server's side in its plainest form: the whole stream at once, one frame after the other, no state
// but a list. Slow and obvious; shares nothing with `FrameParser`.

internal import Reprise

/// What a stream of client frames holds.
struct ReferenceFrames {
    enum Seen: Equatable {
        case message(opcode: UInt8, [UInt8])
        case ping([UInt8])
        case pong
        case close(UInt16, reason: [UInt8])
        case violation(UInt16)
    }

    private let bytes: [UInt8]
    private let limits: FrameParser.Limits
    private var offset = 0
    private var seen: [Seen] = []
    /// The fragments of the message under way.
    private var message: (opcode: UInt8, payload: [UInt8])?

    private init(_ bytes: [UInt8], _ limits: FrameParser.Limits) {
        self.bytes = bytes
        self.limits = limits
    }

    /// Reads a stream.
    static func read(_ bytes: [UInt8], limits: FrameParser.Limits) -> [Seen] {
        var reference = ReferenceFrames(bytes, limits)
        while reference.readFrame() {}
        return reference.seen
    }

    private mutating func violation(_ code: UInt16) -> Bool {
        seen.append(.violation(code))
        return false
    }

    /// - Returns: whether the stream may go on behind the frame.
    private mutating func readFrame() -> Bool {
        let rest = bytes[offset...]
        guard let first = rest.first else { return false }
        let opcode = first & 0x0F
        let isControl = opcode >= 8
        let isFinal = first & 0x80 != 0
        if first & 0x70 != 0 || ![0, 1, 2, 8, 9, 10].contains(opcode) || (isControl && !isFinal) {
            return violation(1002)
        }
        if opcode == 0 && message == nil || (opcode == 1 || opcode == 2) && message != nil { return violation(1002) }
        if opcode == 2 && !limits.allowsBinary { return violation(1003) }

        guard let second = rest.dropFirst().first else { return false }
        let short = Int(second & 0x7F)
        if second & 0x80 == 0 || (isControl && short > 125) { return violation(1002) }
        let lengthCount = short == 127 ? 8 : short == 126 ? 2 : 0
        let lengthBytes = rest.dropFirst(2).prefix(lengthCount)
        guard lengthBytes.count == lengthCount else { return false }
        let length = lengthCount == 0 ? UInt64(short) : lengthBytes.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        if length >> 63 != 0 || lengthCount == 2 && length < 126 || lengthCount == 8 && length < 65_536 {
            return violation(1002)
        }
        let before = message?.payload.count ?? 0
        if !isControl, length > UInt64(limits.frameBytesMax) || length > UInt64(limits.messageBytesMax - before) {
            return violation(1009)
        }
        let key = Array(rest.dropFirst(2 + lengthCount).prefix(4))
        guard key.count == 4 else { return false }
        let payload = rest.dropFirst(2 + lengthCount + 4).prefix(Int(length)).enumerated().map { $1 ^ key[$0 % 4] }
        offset += 2 + lengthCount + 4 + payload.count
        let isWhole = payload.count == Int(length)
        return isControl
            ? isWhole && takeControl(opcode, payload) : takeData(opcode, payload, isFinal: isFinal, isWhole: isWhole)
    }

    private mutating func takeControl(_ opcode: UInt8, _ payload: [UInt8]) -> Bool {
        switch opcode {
        case 9: seen.append(.ping(payload))
        case 10: seen.append(.pong)
        default:
            guard !payload.isEmpty else {
                seen.append(.close(1005, reason: []))
                return false
            }
            guard payload.count >= 2 else { return violation(1002) }
            let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
            let isAllowed = (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
            guard isAllowed else { return violation(1002) }
            let reason = Array(payload.dropFirst(2))
            guard String(validating: reason, as: UTF8.self) != nil else { return violation(1007) }
            seen.append(.close(code, reason: reason))
            return false
        }
        return true
    }

    private mutating func takeData(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool, isWhole: Bool) -> Bool {
        var message = self.message ?? (opcode, [])
        message.payload += payload
        self.message = message
        if message.opcode == 1, !ReferenceFrames.isBeginningOfText(message.payload) { return violation(1007) }
        guard isWhole else { return false }
        guard isFinal else { return true }
        if message.opcode == 1, String(validating: message.payload, as: UTF8.self) == nil { return violation(1007) }
        seen.append(.message(opcode: message.opcode, message.payload))
        self.message = nil
        return true
    }

    /// Whether some bytes behind these would make the whole valid UTF-8.
    static func isBeginningOfText(_ bytes: [UInt8]) -> Bool {
        // Of the bytes that may follow, these are the corners of every range in RFC 3629's table.
        let continuations: [[UInt8]] = [[], [0x80], [0x90], [0xA0], [0x8F], [0x9F], [0xBF]]
        for cut in 0...min(3, bytes.count) where String(validating: bytes.dropLast(cut), as: UTF8.self) != nil {
            let tail = Array(bytes.suffix(cut))
            for second in continuations {
                for rest in [[], [0x80], [0x80, 0x80]] as [[UInt8]]
                where String(validating: tail + second + rest, as: UTF8.self) != nil { return true }
            }
        }
        return false
    }
}
