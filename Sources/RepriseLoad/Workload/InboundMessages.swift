/// Takes a server's byte stream apart into messages, fragments joined; keeps their bytes only if it is told to.
struct InboundMessages {
    /// A whole message.
    struct Message: Equatable {
        /// Whether it is text; else it is binary.
        var isText: Bool
        /// The fingerprint of its payload.
        var fingerprint: UInt64
        /// Its payload, if payloads are kept.
        var payload: [UInt8]
    }

    /// What a stretch of the stream brought.
    enum Piece: Equatable {
        /// A whole message came to its end.
        case message(Message)
        /// A ping, with its payload.
        case ping([UInt8])
        /// A Close, with its payload.
        case close([UInt8])
        /// Bytes that no server may send; the reason.
        case refused(String)
    }

    private enum State {
        case head
        case payload(left: Int, opcode: UInt8, isFinal: Bool)
    }

    private var state = State.head
    private var head: [UInt8] = []
    private var control: [UInt8] = []
    private let keepsPayloads: Bool
    private var payload: [UInt8] = []
    private var fingerprint = Fingerprint()
    private var isInMessage = false
    private var isText = false

    /// - Parameter keepsPayloads: whether messages carry their bytes.
    init(keepsPayloads: Bool = false) {
        self.keepsPayloads = keepsPayloads
    }

    /// Takes the next bytes and hands out what ends in them.
    ///
    /// - Complexity: O(bytes); allocates for control frames only.
    mutating func take(_ bytes: Span<UInt8>, _ body: (Piece) -> Void) {
        var index = 0
        while index < bytes.count {
            switch state {
            case .head:
                head.append(bytes[index])
                index += 1
                if let problem = readHead() { return body(.refused(problem)) }
            case .payload(let left, let opcode, let isFinal):
                let start = index
                let end = min(bytes.count, start + left)
                if opcode & 0x8 == 0 {
                    while index < end {
                        fingerprint.add(bytes[index])
                        if keepsPayloads { payload.append(bytes[index]) }
                        index += 1
                    }
                } else {
                    while index < end {
                        control.append(bytes[index])
                        index += 1
                    }
                }
                state = .payload(left: left - (end - start), opcode: opcode, isFinal: isFinal)
            }
            finish(body)
        }
    }

    /// Hands out the frame if it has come to its end.
    private mutating func finish(_ body: (Piece) -> Void) {
        guard case .payload(0, let opcode, let isFinal) = state else { return }
        state = .head
        switch opcode {
        case MaskedFrame.Opcode.ping: body(.ping(control))
        case MaskedFrame.Opcode.close: body(.close(control))
        case MaskedFrame.Opcode.pong: break
        default:
            isInMessage = !isFinal
            guard isFinal else { return }
            body(.message(Message(isText: isText, fingerprint: fingerprint.value, payload: payload)))
            fingerprint = Fingerprint()
            payload = []
        }
    }

    /// Reads the head if it is whole.
    ///
    /// - Returns: what is wrong with it.
    private mutating func readHead() -> String? {
        guard head.count >= 2 else { return nil }
        let opcode = head[0] & 0x0F
        guard head[0] & 0x70 == 0 else { return "reserved bits are set" }
        guard head[1] & 0x80 == 0 else { return "the server masked a frame" }
        let lengthBytes = head[1] == 126 ? 2 : head[1] == 127 ? 8 : 0
        guard head.count == 2 + lengthBytes else { return nil }
        let length = head.dropFirst(lengthBytes == 0 ? 1 : 2).reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        guard length <= 1 << 30 else { return "a length of \(length) bytes" }
        switch opcode {
        case 0 where isInMessage: break
        case 1 where !isInMessage, 2 where !isInMessage: isText = opcode == MaskedFrame.Opcode.text
        case MaskedFrame.Opcode.close, MaskedFrame.Opcode.ping, MaskedFrame.Opcode.pong: control = []
        default: return "opcode \(opcode) does not belong here"
        }
        state = .payload(left: Int(length), opcode: opcode, isFinal: head[0] & 0x80 != 0)
        head.removeAll(keepingCapacity: true)
        return nil
    }
}
