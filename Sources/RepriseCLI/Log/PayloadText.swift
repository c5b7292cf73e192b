internal import NIOCore
internal import Reprise

/// A payload as people can read it on one line of a terminal.
struct PayloadText {
    let opcode: MessageOpcode
    let payload: ByteBuffer
    /// Whether to show all of it, however long it is.
    let isWhole: Bool

    private static let shownCharacters = 80
    private static let shownBytes = 32

    /// Text with what would move the cursor escaped, anything else in hexadecimal digits; `…` stands for what was cut off.
    var shown: String {
        switch opcode {
        case .text:
            // Four bytes to a scalar at most, so that a scalar that is cut in two lies behind what is shown.
            let limit = isWhole ? payload.readableBytes : 4 * PayloadText.shownCharacters
            let bytes = payload.readableBytesView.prefix(limit)
            let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars
            let shown = isWhole ? scalars[...] : scalars.prefix(PayloadText.shownCharacters)
            let isCut = bytes.count < payload.readableBytes || shown.endIndex < scalars.endIndex
            return PayloadText.escaped(shown) + (isCut ? "…" : "")
        case .binary:
            let bytes = payload.readableBytesView.prefix(isWhole ? payload.readableBytes : PayloadText.shownBytes)
            let digits = bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
            return digits + (bytes.count < payload.readableBytes ? "…" : "")
        }
    }

    fileprivate static func escaped(_ scalars: Substring.UnicodeScalarView) -> String {
        // Nearly always there is nothing to escape.
        if scalars.allSatisfy({ (0x20..<0x7F).contains($0.value) }) { return String(Substring(scalars)) }
        return scalars.map(escaped).joined()
    }

    private static func escaped(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case "\n": return "\\n"
        case "\r": return "\\r"
        case "\t": return "\\t"
        default: break
        }
        return switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: "\\u{\(String(scalar.value, radix: 16))}"
        default: String(scalar)
        }
    }
}

extension String {
    /// Control characters would move the cursor, or worse: what clients send is shown, not obeyed.
    var printable: String { PayloadText.escaped(unicodeScalars[...]) }
}
