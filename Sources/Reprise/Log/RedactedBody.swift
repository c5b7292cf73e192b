// A payload with other content: what a reader learns is its length and its structure.

internal import NIOCore

/// Writes the placeholder of one JSON text.
///
/// Structure, white space, `true`, `false` and `null` stay. Characters of strings become others that take as many bytes,
/// as they stand and in `CanonicalJSON`; so do numbers. Keys that were equal stay equal and others stay apart, or a
/// delivery would lose a member and its length. The keys that selection reads, and `data`, stay everywhere.
struct RedactedBody {
    /// What stands for a character of one byte.
    static let filler = UInt8(ascii: "x")

    private var scanner = JSONScanner()
    private var output: [UInt8] = []
    /// Where values begin that stay as they are.
    private let kept: [Int]
    /// The keys that stay.
    private let keptNames: Set<[UInt32]>

    /// The placeholder of a text message.
    ///
    /// Text that is not JSON gives text that is not JSON.
    static func text(_ body: ByteBuffer, selectedBy expression: RouteSelectionExpression) -> ByteBuffer {
        let bytes = body.readableBytesSpan
        var validator = UTF8Validator()
        guard validator.consume(bytes), validator.isComplete, JSONBody.isValue(bytes) else {
            return ByteBuffer(bytes: placeholder(body.readableBytesView))
        }
        var names: Set<[UInt32]> = [Array("data".unicodeScalars.map(\.value))]
        var kept: [Int] = []
        let isObject = JSONBody(bytes, selecting: .none) != nil
        for case .variable(let path) in expression.pieces {
            for case .member(let key) in path {
                names.insert(String(decoding: key.bytes, as: UTF8.self).unicodeScalars.map(\.value))
            }
            if isObject, let slice = RouteSelectionExpression.follow(path, in: bytes) { kept.append(slice.start) }
        }
        var redacted = RedactedBody(kept: kept, keptNames: names)
        redacted.output.reserveCapacity(bytes.byteCount)
        redacted.writeSpace(bytes)
        redacted.writeValue(bytes)
        redacted.writeSpace(bytes)
        return ByteBuffer(bytes: redacted.output)
    }

    /// As many `x`, or other letters of as many bytes, as a text has characters. Never JSON.
    static func placeholder(_ text: some Sequence<UInt8>, keeping kept: [UInt8] = []) -> [UInt8] {
        var output: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.first {
            let count = min(JSONCharacter.byteCount(startingWith: byte), rest.count)
            let letter = JSONCharacter.Kind(utf8Count: count).member(0)
            output += kept.contains(byte) ? [byte] : Array(Character(UnicodeScalar(letter) ?? "x").utf8)
            rest = rest.dropFirst(count)
        }
        return output
    }

    private init(kept: [Int], keptNames: Set<[UInt32]>) {
        self.kept = kept
        self.keptNames = keptNames
    }

    private mutating func copy(_ bytes: RawSpan, from start: Int) {
        for offset in start..<scanner.offset { output.append(bytes.jsonByte(at: offset)) }
    }

    private mutating func writeSpace(_ bytes: RawSpan) {
        let start = scanner.offset
        scanner.skipSpace(in: bytes)
        copy(bytes, from: start)
    }

    /// Copies one sign of the structure.
    private mutating func writeSign(_ bytes: RawSpan) {
        output.append(scanner.peek(in: bytes))
        scanner.offset += 1
    }

    private mutating func writeValue(_ bytes: RawSpan) {
        let start = scanner.offset
        let first = scanner.peek(in: bytes)
        if kept.contains(start) {
            _ = scanner.scanValue(in: bytes, depth: 0)
            return copy(bytes, from: start)
        }
        switch first {
        case UInt8(ascii: "\""):
            for character in scanCharacters(bytes) { character.write(character.kind.member(0), to: &output) }
            output.append(first)
        case UInt8(ascii: "{"): writeObject(bytes)
        case UInt8(ascii: "["):
            writeSign(bytes)
            writeSpace(bytes)
            while scanner.peek(in: bytes) != UInt8(ascii: "]") {
                if scanner.peek(in: bytes) == UInt8(ascii: ",") {
                    writeSign(bytes)
                    writeSpace(bytes)
                }
                writeValue(bytes)
                writeSpace(bytes)
            }
            writeSign(bytes)
        case UInt8(ascii: "t"), UInt8(ascii: "f"), UInt8(ascii: "n"):
            _ = scanner.scanValue(in: bytes, depth: 0)
            copy(bytes, from: start)
        default:
            _ = scanner.scanNumber(in: bytes)
            output += RedactedNumber.text((start..<scanner.offset).map { bytes.jsonByte(at: $0) })
        }
    }

    private mutating func writeObject(_ bytes: RawSpan) {
        var names = RedactedKeys(kept: keptNames)
        writeSign(bytes)
        writeSpace(bytes)
        while scanner.peek(in: bytes) != UInt8(ascii: "}") {
            if scanner.peek(in: bytes) == UInt8(ascii: ",") {
                writeSign(bytes)
                writeSpace(bytes)
            }
            let characters = scanCharacters(bytes)
            for (character, value) in zip(characters, names.replace(characters)) {
                character.write(value, to: &output)
            }
            output.append(UInt8(ascii: "\""))
            writeSpace(bytes)
            writeSign(bytes)  // the colon
            writeSpace(bytes)
            writeValue(bytes)
            writeSpace(bytes)
        }
        writeSign(bytes)
    }

    /// Writes the opening quote, and moves past the string.
    private mutating func scanCharacters(_ bytes: RawSpan) -> [JSONCharacter] {
        let start = scanner.offset
        _ = scanner.scanString(in: bytes)
        output.append(UInt8(ascii: "\""))
        return JSONCharacter.all(in: bytes, start + 1..<scanner.offset - 1)
    }
}

/// The keys of one object, each with another in its place.
private struct RedactedKeys {
    let kept: Set<[UInt32]>
    private var replaced: [[UInt32]: [UInt32]] = [:]
    /// The next number for keys of these kinds of characters.
    private var next: [[JSONCharacter.Kind]: Int] = [:]

    init(kept: Set<[UInt32]>) { self.kept = kept }

    /// The values of the characters that stand for a key's.
    mutating func replace(_ characters: [JSONCharacter]) -> [UInt32] {
        let key = characters.map(\.value)
        if kept.contains(key) { return key }
        if let known = replaced[key] { return known }
        let kinds = characters.map(\.kind)
        var name: [UInt32]
        // There are always as many numbers as keys: a key has as many others of its kinds as there can be.
        repeat {
            var number = next[kinds, default: 0]
            next[kinds] = number + 1
            name = kinds.map { kind in
                defer { number /= kind.count }
                return kind.member(number % kind.count)
            }
        } while kept.contains(name)
        replaced[key] = name
        return name
    }
}
