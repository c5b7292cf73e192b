// One character of a JSON string with the way in which it is spelled.

/// A character of a JSON string's text.
struct JSONCharacter {
    /// Characters that take as many bytes as each other, in every spelling and in `CanonicalJSON`.
    enum Kind: UInt8 {
        case plain, slash, shortEscape, control, twoBytes, threeBytes, fourBytes, highSurrogate, lowSurrogate
    }

    /// How it is spelled.
    enum Spelling {
        /// As itself.
        case verbatim
        /// A backslash and one letter or sign.
        case short
        /// `\u` and four digits, or two of them.
        case digits
    }

    /// The scalar, or half of a pair that stands alone.
    var value: UInt32
    var spelling: Spelling
    var kind: Kind { Kind(of: value) }

    /// The characters of a string that was scanned before, given without its quotes.
    static func all(in bytes: RawSpan, _ range: Range<Int>) -> [JSONCharacter] {
        var characters: [JSONCharacter] = []
        var index = range.lowerBound
        while index < range.upperBound {
            let byte = bytes.jsonByte(at: index)
            guard byte == UInt8(ascii: "\\") else {
                let count = min(byteCount(startingWith: byte), range.upperBound - index)
                let text = String(decoding: (index..<index + count).map { bytes.jsonByte(at: $0) }, as: UTF8.self)
                characters.append(JSONCharacter(value: text.unicodeScalars.first?.value ?? 0x78, spelling: .verbatim))
                index += count
                continue
            }
            let letter = bytes.jsonByte(at: index + 1)
            guard letter == UInt8(ascii: "u") else {
                characters.append(JSONCharacter(value: shortEscapes[letter] ?? UInt32(letter), spelling: .short))
                index += 2
                continue
            }
            var value = unit(in: bytes, at: index + 2)
            index += 6
            if (0xD800..<0xDC00).contains(value), index + 6 <= range.upperBound,
                bytes.jsonByte(at: index) == UInt8(ascii: "\\"), bytes.jsonByte(at: index + 1) == UInt8(ascii: "u")
            {
                let low = unit(in: bytes, at: index + 2)
                if (0xDC00..<0xE000).contains(low) {
                    value = 0x10000 + (value - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
            }
            characters.append(JSONCharacter(value: value, spelling: .digits))
        }
        return characters
    }

    /// Writes another character of the same kind in the same spelling.
    func write(_ value: UInt32, to output: inout [UInt8]) {
        switch spelling {
        case .verbatim: output += Array(Character(UnicodeScalar(value) ?? "x").utf8)
        case .short:
            let letter = JSONCharacter.shortEscapes.first { $0.value == value }?.key ?? UInt8(truncatingIfNeeded: value)
            output += [UInt8(ascii: "\\"), letter]
        case .digits where value > 0xFFFF:
            JSONCharacter.writeUnit(0xD800 + (value - 0x10000) >> 10, to: &output)
            JSONCharacter.writeUnit(0xDC00 + (value - 0x10000) & 0x3FF, to: &output)
        case .digits: JSONCharacter.writeUnit(value, to: &output)
        }
    }

    /// How many bytes a character of UTF-8 has that starts with this one; 1 for what starts none.
    static func byteCount(startingWith byte: UInt8) -> Int {
        switch byte {
        case 0xC2..<0xE0: 2
        case 0xE0..<0xF0: 3
        case 0xF0..<0xF5: 4
        default: 1
        }
    }

    /// The letters of escapes that do not stand for themselves.
    private static let shortEscapes: [UInt8: UInt32] = [
        UInt8(ascii: "b"): 0x08, UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D,
        UInt8(ascii: "t"): 0x09,
    ]

    private static func unit(in bytes: RawSpan, at start: Int) -> UInt32 {
        (start..<start + 4).reduce(0) { value, offset in
            let byte = bytes.jsonByte(at: offset)
            return value << 4 | UInt32(JSONScanner.isDigit(byte) ? byte - 0x30 : (byte | 0x20) - 0x57)
        }
    }

    private static func writeUnit(_ unit: UInt32, to output: inout [UInt8]) {
        let digits = String(unit, radix: 16)
        output += Array("\\u".utf8) + repeatElement(UInt8(ascii: "0"), count: 4 - digits.utf8.count)
        output += Array(digits.utf8)
    }
}

extension JSONCharacter.Kind {
    /// The kind of a character.
    init(of value: UInt32) {
        switch value {
        case 0x2F: self = .slash  // `\/` can spell no other
        case 0x08, 0x09, 0x0A, 0x0C, 0x0D, 0x22, 0x5C: self = .shortEscape
        case ..<0x20: self = .control
        case ..<0x80: self = .plain
        case ..<0x800: self = .twoBytes
        case 0xD800..<0xDC00: self = .highSurrogate
        case 0xDC00..<0xE000: self = .lowSurrogate
        case ..<0x10000: self = .threeBytes
        default: self = .fourBytes
        }
    }

    /// The kind of a character that takes so many bytes of UTF-8 and needs no escape.
    init(utf8Count: Int) {
        self = [.plain, .twoBytes, .threeBytes, .fourBytes][max(0, min(utf8Count, 4) - 1)]
    }

    /// How many characters are of the kind.
    var count: Int {
        switch self {
        case .plain: JSONCharacter.Kind.plainCharacters.count
        case .slash: 1
        case .shortEscape: JSONCharacter.Kind.escapedCharacters.count
        case .control: JSONCharacter.Kind.controlCharacters.count
        case .twoBytes: 0x800 - 0x80
        case .threeBytes: 0x10000 - 0x800 - 0x800
        case .fourBytes: 0x100000
        case .highSurrogate, .lowSurrogate: 0x400
        }
    }

    /// The characters of the kind by number, 0..<`count`. Number 0 is what stands for content: x, é, あ, 😀.
    func member(_ number: Int) -> UInt32 {
        func inRange(_ start: UInt32, _ first: UInt32) -> UInt32 {
            start + (first - start + UInt32(number)) % UInt32(count)
        }
        switch self {
        case .plain: return JSONCharacter.Kind.plainCharacters[number]
        case .slash: return 0x2F
        case .shortEscape: return JSONCharacter.Kind.escapedCharacters[number]
        case .control: return JSONCharacter.Kind.controlCharacters[number]
        case .twoBytes: return inRange(0x80, 0xE9)
        case .threeBytes:
            let value = inRange(0x800, 0x3042)
            return value < 0xD800 ? value : value + 0x800
        case .fourBytes: return inRange(0x10000, 0x1F600)
        case .highSurrogate: return inRange(0xD800, 0xD800)
        case .lowSurrogate: return inRange(0xDC00, 0xDC00)
        }
    }

    private static let plainCharacters: [UInt32] = {
        let letters = Array("xabcdefghijklmnopqrstuvwyz".unicodeScalars.map(\.value))
        return letters + (0x20..<0x80).filter { Self(of: $0) == .plain && !letters.contains($0) }
    }()
    private static let escapedCharacters: [UInt32] = [0x0A, 0x09, 0x0D, 0x08, 0x0C, 0x22, 0x5C]
    private static let controlCharacters: [UInt32] = (0x01..<0x20).filter { Self(of: $0) == .control } + [0]
}
