// Writing JSON by hand: keys in the order of the calls, no white space, no allocation but for the buffer's growth.
// Used by the export, and by `--json` of the commands.

package import NIOCore

extension ByteBuffer {
    /// Begins an object or, with `[`, an array.
    package mutating func beginJSON(_ bracket: Unicode.Scalar = "{") {
        writeInteger(UInt8(ascii: bracket))
    }

    /// Ends an object or, with `]`, an array.
    package mutating func endJSON(_ bracket: Unicode.Scalar = "}") {
        writeInteger(UInt8(ascii: bracket))
    }

    /// Writes the comma before an element, unless it is the first one.
    package mutating func separateJSON() {
        let last = getInteger(at: writerIndex - 1, as: UInt8.self)
        if last != UInt8(ascii: "{"), last != UInt8(ascii: "["), last != UInt8(ascii: ":") {
            writeInteger(UInt8(ascii: ","))
        }
    }

    /// Writes a key, with the comma before it where one is needed. Keys are ours: they need no escapes.
    package mutating func writeJSONKey(_ key: StaticString) {
        separateJSON()
        writeInteger(UInt8(ascii: "\""))
        writeStaticString(key)
        writeStaticString("\":")
    }

    /// Writes a member whose value is a string.
    package mutating func writeJSON(_ key: StaticString, _ text: String) {
        writeJSONKey(key)
        writeJSONString(text)
    }

    /// Writes a member whose value is an integer, or `null`.
    package mutating func writeJSON(_ key: StaticString, _ value: UInt64?) {
        writeJSONKey(key)
        guard let value else {
            writeStaticString("null")
            return
        }
        writeDecimal(value)
    }

    /// Writes a member whose value is a number as JavaScript writes it.
    package mutating func writeJSON(_ key: StaticString, _ value: Double) {
        writeJSONKey(key)
        var text: [UInt8] = []
        JSONNumber.append(value, to: &text)
        writeBytes(text)
    }

    /// Writes a member whose value is `null`.
    package mutating func writeJSONNull(_ key: StaticString) {
        writeJSONKey(key)
        writeStaticString("null")
    }

    /// Writes a member whose value is a moment, to the nanosecond.
    package mutating func writeJSON(_ key: StaticString, _ time: Timestamp) {
        writeJSONKey(key)
        writeInteger(UInt8(ascii: "\""))
        writeISO8601(time)
        writeInteger(UInt8(ascii: "\""))
    }

    /// Writes a member whose value is an identifier.
    package mutating func writeJSON(_ key: StaticString, _ token: Token) {
        writeJSONKey(key)
        writeInteger(UInt8(ascii: "\""))
        let (first, second) = token.ascii
        writeInteger(first, endianness: .little)
        writeInteger(second, endianness: .little)
        writeInteger(UInt8(ascii: "\""))
    }

    /// Writes a string in quotes.
    package mutating func writeJSONString(_ text: String) {
        unsafe writeJSONString(text.utf8.span.bytes)
    }

    /// Writes UTF-8 as a string in quotes: quotes, backslashes and control characters escaped, the rest as it is.
    package mutating func writeJSONString(_ text: RawSpan) {
        writeInteger(UInt8(ascii: "\""))
        var start = 0
        for index in 0..<text.byteCount {
            let byte = text.jsonByte(at: index)
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            writeBytes(text.extracting(start..<index))
            start = index + 1
            writeJSONEscape(byte)
        }
        writeBytes(text.extracting(start..<text.byteCount))
        writeInteger(UInt8(ascii: "\""))
    }

    private mutating func writeJSONEscape(_ byte: UInt8) {
        let letter: Character? =
            switch byte {
            case 0x08: "b"
            case 0x09: "t"
            case 0x0A: "n"
            case 0x0C: "f"
            case 0x0D: "r"
            default: nil
            }
        if byte < 0x20, letter == nil {
            writeStaticString("\\u00")
            for digit in [byte >> 4, byte & 15] { writeInteger(digit < 10 ? 0x30 + digit : 0x57 + digit) }
        } else {
            writeInteger(UInt16(UInt8(ascii: "\\")) << 8 | UInt16(letter?.asciiValue ?? byte))
        }
    }

    /// Writes a number in decimal.
    package mutating func writeDecimal(_ value: UInt64) {
        var digits = InlineArray<20, UInt8>(repeating: 0x30)
        var rest = value
        var start = 20
        repeat {
            start -= 1
            digits[start] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        } while rest > 0
        // Safe: any byte may be read as a byte; "unsafe" is about types with padding.
        writeBytes(unsafe digits.span.bytes.extracting(start..<20))
    }

    /// Writes what `Timestamp.iso8601()` gives, without building a string, and all at once: an export writes one for
    /// every event.
    package mutating func writeISO8601(_ time: Timestamp) {
        let perDay = 86_400 * Timestamp.nanosecondsPerSecond
        let days = (time.rawValue / perDay) - (time.rawValue % perDay < 0 ? 1 : 0)
        let nanosecondOfDay = UInt64(time.rawValue - days * perDay)
        let secondOfDay = nanosecondOfDay / 1_000_000_000
        let date = civilDate(daysSinceEpoch: days)
        var text = InlineArray<30, UInt8>(repeating: 0)
        var offset = 0
        /// Digits of fixed width, and what follows them.
        func put(_ value: UInt64, _ width: Int, _ mark: UInt8) {
            var rest = value
            for index in stride(from: offset + width - 1, through: offset, by: -1) {
                text[index] = 0x30 + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            }
            text[offset + width] = mark
            offset += width + 1
        }
        put(UInt64(date.year), 4, UInt8(ascii: "-"))
        put(UInt64(date.month), 2, UInt8(ascii: "-"))
        put(UInt64(date.day), 2, UInt8(ascii: "T"))
        put(secondOfDay / 3600, 2, UInt8(ascii: ":"))
        put(secondOfDay / 60 % 60, 2, UInt8(ascii: ":"))
        put(secondOfDay % 60, 2, UInt8(ascii: "."))
        put(nanosecondOfDay % 1_000_000_000, 9, UInt8(ascii: "Z"))
        // Safe for the same reason.
        writeBytes(unsafe text.span.bytes)
    }
}
