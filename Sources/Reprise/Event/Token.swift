// Identifiers in the form that AWS API Gateway gives them (specs, section 1): 11 bytes, written as base64url with
// padding, so 16 characters of which the last is `=`.

/// 11 bytes: the value of a connection, request or message id.
///
/// Shape of the text: 15 characters of `A-Za-z0-9-_` that carry 88 bits (and two zero bits), then `=`.
public struct Token: Hashable, Comparable, Sendable {
    /// Bytes 0 to 7, big-endian.
    public let high: UInt64
    /// Bytes 8 to 10, big-endian, in the low 24 bits.
    public let low: UInt32

    /// Bytes of a token.
    public static let byteCount = 11
    /// Characters of its text.
    public static let textCount = 16

    /// Makes a token from its bytes as numbers; bits of `low` above the 24th are dropped.
    public init(high: UInt64, low: UInt32) {
        self.high = high
        self.low = low & 0xFF_FFFF
    }

    /// Draws a token. Its text never starts with `-`, which command-line tools would take for an option.
    public init(using generator: inout some RandomNumberGenerator) {
        let dash: UInt64 = 62
        var high = generator.next() as UInt64
        if high >> 58 == dash { high ^= 1 << 63 }
        self.init(high: high, low: UInt32(truncatingIfNeeded: generator.next() as UInt64))
    }

    /// Reads the 16 characters; `nil` when they are not the canonical text of 11 bytes.
    public init?(text: some StringProtocol) {
        var characters = text.utf8.makeIterator()
        var high: UInt64 = 0
        var low: UInt64 = 0
        for index in 0..<15 {
            guard let character = characters.next(), let value = Token.value(of: character) else { return nil }
            switch index {
            case 0..<10: high = high << 6 | value
            case 10:  // 4 bits complete the high half, 2 begin the low one
                high = high << 4 | value >> 2
                low = value & 0b11
            default: low = low << 6 | value
            }
        }
        guard low & 0b11 == 0, characters.next() == 0x3D, characters.next() == nil else { return nil }
        self.init(high: high, low: UInt32(truncatingIfNeeded: low >> 2))
    }

    /// The 16 ASCII characters, in memory order, as two little-endian words: what digests hash and frames carry.
    public var ascii: (UInt64, UInt64) {
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            words.0 |= UInt64(Token.character(sextet(index))) << UInt64(8 * index)
        }
        for index in 8..<15 {
            words.1 |= UInt64(Token.character(sextet(index))) << UInt64(8 * (index - 8))
        }
        words.1 |= 0x3D << 56
        return words
    }

    /// The 16 characters.
    public var text: String {
        let (first, second) = ascii
        return unsafe String(unsafeUninitializedCapacity: Token.textCount) { buffer in
            for index in 0..<8 {
                unsafe buffer[index] = UInt8(truncatingIfNeeded: first >> UInt64(8 * index))
                unsafe buffer[index + 8] = UInt8(truncatingIfNeeded: second >> UInt64(8 * index))
            }
            return Token.textCount
        }
    }

    /// Orders by bytes.
    public static func < (left: Token, right: Token) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    /// Bits `6 * index ..< 6 * index + 6` of the 88, most significant first, filled up with zeros.
    private func sextet(_ index: Int) -> UInt8 {
        switch index {
        case 0..<10: UInt8(truncatingIfNeeded: high >> UInt64(58 - 6 * index)) & 0x3F
        case 10: UInt8(truncatingIfNeeded: high << 2 | UInt64(low >> 22)) & 0x3F
        default: UInt8(truncatingIfNeeded: (UInt64(low) << 2) >> UInt64(18 - 6 * (index - 11))) & 0x3F
        }
    }

    private static func character(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: 0x41 + value
        case 26..<52: 0x61 + value - 26
        case 52..<62: 0x30 + value - 52
        case 62: 0x2D
        default: 0x5F
        }
    }

    private static func value(of character: UInt8) -> UInt64? {
        switch character {
        case 0x41...0x5A: UInt64(character - 0x41)
        case 0x61...0x7A: UInt64(character - 0x61 + 26)
        case 0x30...0x39: UInt64(character - 0x30 + 52)
        case 0x2D: 62
        case 0x5F: 63
        default: nil
        }
    }
}

/// An identifier whose value is a `Token`: same form, different meaning.
public protocol TokenIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The value.
    var token: Token { get }
    /// Wraps a value.
    init(token: Token)
}

extension TokenIdentifier {
    /// Reads the 16 characters; `nil` when they are not the canonical text of 11 bytes.
    public init?(text: some StringProtocol) {
        guard let token = Token(text: text) else { return nil }
        self.init(token: token)
    }

    /// Draws an identifier from the generator that the caller gives.
    public init(using generator: inout some RandomNumberGenerator) {
        self.init(token: Token(using: &generator))
    }

    /// The 16 characters.
    public var text: String { token.text }

    /// The 16 characters.
    public var description: String { text }

    /// Orders by bytes.
    public static func < (left: Self, right: Self) -> Bool { left.token < right.token }
}

/// Names one WebSocket for as long as the log exists.
public struct ConnectionID: TokenIdentifier {
    /// The value.
    public let token: Token
    /// Wraps a value.
    public init(token: Token) { self.token = token }
}

/// Names one request to the gateway: a connect, a message, a disconnect, a management call.
public struct RequestID: TokenIdentifier {
    /// The value.
    public let token: Token
    /// Wraps a value.
    public init(token: Token) { self.token = token }
}

/// Names one message of a client.
public struct MessageID: TokenIdentifier {
    /// The value.
    public let token: Token
    /// Wraps a value.
    public init(token: Token) { self.token = token }
}
