// Events and deliveries in reports of differences.

internal import NIOCore
internal import Reprise

/// A piece of a body, byte for byte, on one line.
enum Excerpt {
    private static let bytesMax = 60

    /// ASCII as it is, every other byte as `\xNN`.
    static func text(of body: ByteBuffer, from start: Int = 0) -> String {
        let rest = body.readableBytesView.dropFirst(start)
        var text = ""
        for byte in rest.prefix(bytesMax) {
            switch byte {
            case UInt8(ascii: "\\"): text += "\\\\"
            case 0x20..<0x7F: text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return rest.count > bytesMax ? text + "…" : text
    }
}

extension Fact {
    /// The payload of a message or of what the management API sent.
    var body: ByteBuffer? {
        switch self {
        case .message(let message): message.body
        case .sent(let sent): sent.body
        default: nil
        }
    }
}

extension PlannedDelivery? {
    /// To how many and which bytes, in a line.
    var summary: String {
        guard let self else { return "nothing to anybody" }
        let target =
            switch self.target {
            case .everyone: "everyone, \(self.recipients)"
            case .connection(let connection): connection.text
            }
        let payload = self.payload
        return "to \(target): \(self.opcode.word) \(payload.readableBytes) B  \(Excerpt.text(of: payload))"
    }
}

extension ByteBuffer {
    /// Writes a member whose value is an event as `log export` writes it, or `null`.
    mutating func writeEvent(_ key: StaticString, _ event: Event?) {
        writeJSONKey(key)
        if let event { EventJSON.append(event, to: &self) } else { writeStaticString("null") }
    }

    /// Writes a member whose value is a delivery, or `null`.
    mutating func writePlanned(_ key: StaticString, _ planned: PlannedDelivery?) {
        guard let planned else { return writeJSONNull(key) }
        writeJSONKey(key)
        beginJSON()
        switch planned.target {
        case .everyone: writeJSON("target", "everyone")
        case .connection(let connection): writeJSON("target", connection.token)
        }
        writeJSON("recipients", planned.recipients)
        writeJSON("recipientSum", HexDigest(rawValue: planned.recipientSum).description)
        writeJSON("opcode", planned.opcode.word)
        writeJSON("payloadBytes", UInt64(planned.payload.readableBytes))
        writeJSON("payload", HexDigest(rawValue: XXH64.hash(planned.payload.readableBytesSpan)).description)
        endJSON()
    }
}
