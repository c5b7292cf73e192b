// The slow path's idea of a value: what `JSON.parse` would hold in memory. It is never kept, and never on the hot path.

/// A parsed JSON value, with JavaScript's meaning.
indirect enum JSONValue: Hashable, Sendable {
    case null
    case boolean(Bool)
    /// The nearest double; an infinity when the text was out of range.
    case number(Double)
    /// UTF-8, in which a lone surrogate takes the three bytes it would have as a character (WTF-8). Real UTF-8 never
    /// contains those, so writing can tell them apart.
    case string([UInt8])
    case array([JSONValue])
    /// Members with distinct keys, in JavaScript's order of own properties: see `ordered(_:)`.
    case object([Member])

    /// One property of an object.
    struct Member: Hashable, Sendable {
        var key: [UInt8]
        var value: JSONValue
    }

    /// Members as they were written → as JavaScript enumerates them.
    ///
    /// Of equal keys the last value wins, in the place of the first. Array indices (0…2³² − 2 in plain decimal) come
    /// first in ascending order, then the other keys as they came (ECMA-262, OrdinaryOwnPropertyKeys).
    static func ordered(_ written: [Member]) -> [Member] {
        var places: [[UInt8]: Int] = [:]
        var members: [Member] = []
        for member in written {
            if let place = places[member.key] {
                members[place].value = member.value
            } else {
                places[member.key] = members.count
                members.append(member)
            }
        }
        var indexed: [(index: UInt32, member: Member)] = []
        var named: [Member] = []
        for member in members {
            if let index = arrayIndex(member.key) {
                indexed.append((index, member))
            } else {
                named.append(member)
            }
        }
        indexed.sort { $0.index < $1.index }
        return indexed.map(\.member) + named
    }

    /// The array index that a key spells, if it does: 0…4 294 967 294, no sign, no leading zero.
    private static func arrayIndex(_ key: [UInt8]) -> UInt32? {
        guard let first = key.first, key.allSatisfy(JSONScanner.isDigit) else { return nil }
        guard key.count == 1 || first != UInt8(ascii: "0") else { return nil }
        guard let index = UInt32(String(decoding: key, as: UTF8.self)), index != .max else { return nil }
        return index
    }

    /// Appends what `JSON.stringify` gives.
    func appendCanonical(to output: inout [UInt8]) {
        switch self {
        case .null: output += "null".utf8
        case .boolean(let value): output += value ? "true".utf8 : "false".utf8
        case .number(let value): JSONNumber.append(value, to: &output)
        case .string(let text): JSONValue.appendQuoted(text, to: &output)
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                element.appendCanonical(to: &output)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { output.append(UInt8(ascii: ",")) }
                JSONValue.appendQuoted(member.key, to: &output)
                output.append(UInt8(ascii: ":"))
                member.value.appendCanonical(to: &output)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends the value as route selection reads it: see `RouteSelectionExpression`.
    ///
    /// - Parameter isNested: whether the value stands inside an array or object, where null has a text of its own.
    func appendRouteText(to output: inout [UInt8], isNested: Bool = false) {
        switch self {
        case .null: if isNested { output += "null".utf8 }
        case .boolean, .number: appendCanonical(to: &output)
        case .string(let text): output += text
        case .array(let elements):
            output.append(UInt8(ascii: "["))
            for (position, element) in elements.enumerated() {
                if position > 0 { output += ", ".utf8 }
                element.appendRouteText(to: &output, isNested: true)
            }
            output.append(UInt8(ascii: "]"))
        case .object(let members):
            output.append(UInt8(ascii: "{"))
            for (position, member) in members.enumerated() {
                if position > 0 { output += ", ".utf8 }
                output += member.key
                output.append(UInt8(ascii: "="))
                member.value.appendRouteText(to: &output, isNested: true)
            }
            output.append(UInt8(ascii: "}"))
        }
    }

    /// Appends a string as `JSON.stringify` quotes it (ECMA-262, QuoteJSONString).
    private static func appendQuoted(_ text: [UInt8], to output: inout [UInt8]) {
        output.append(UInt8(ascii: "\""))
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): output += [UInt8(ascii: "\\"), byte]
            case 0x08: output += "\\b".utf8
            case 0x09: output += "\\t".utf8
            case 0x0A: output += "\\n".utf8
            case 0x0C: output += "\\f".utf8
            case 0x0D: output += "\\r".utf8
            case 0..<0x20: appendEscape(UInt16(byte), to: &output)
            // 0xED and 0xA0…0xBF begin a lone surrogate, and nothing else: see `string`.
            case 0xED where index + 1 < text.count && text[index] >= 0xA0:
                appendEscape(0xD000 | UInt16(text[index] & 0x3F) << 6 | UInt16(text[index + 1] & 0x3F), to: &output)
                index += 2
            default: output.append(byte)
            }
        }
        output.append(UInt8(ascii: "\""))
    }

    private static func appendEscape(_ unit: UInt16, to output: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        output += "\\u".utf8
        for shift in [12, 8, 4, 0] { output.append(digits[Int(unit >> UInt16(shift)) & 15]) }
    }
}
