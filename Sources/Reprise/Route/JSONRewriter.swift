// What `JSON.stringify(JSON.parse(text))` gives, written straight from the text: no value is built, and once the scratch has
// its size nothing is allocated. This is no slow path: a client may send 128 KiB that is not canonical with every message.
//
//   body    {"b": 1.0 , "a\/":[ 1e2,"\u0041"], "b":2}
//            ╶───╴ copied as a stretch; what changes is written anew; white space is left out
//   output  {"b":1,"a/":[100,"A"],"b":2}       members with equal keys, or with array indices as keys,
//           {"b":2,"a/":[100,"A"]}             are put in order behind their object

internal import NIOCore

/// Writes scanned values in canonical form, and keeps its scratch from value to value.
public struct JSONRewriter: Sendable {
    /// Offset of the next byte of the body.
    private var offset = 0
    /// Offset behind the last byte of the body that is in the output.
    private var copied = 0
    /// The members of all objects that are open, and behind them room that is used again.
    private var members: [Member] = []
    private var memberCount = 0
    private var order = JSONMemberOrder()
    private var scratch = ByteBuffer()

    /// A number of four bytes may become one of 21: `1e20`. Nothing else grows.
    private static let growthMax = 5
    /// The largest scratch that is kept for the next value.
    private static let scratchBytesMax = 4 << 20

    /// A member in the output: from its key's quote to the end of its value.
    struct Member {
        var start: Int
        /// Behind the key's last quote.
        var keyEnd: Int
        var end: Int
    }

    /// A rewriter without scratch.
    public init() {}

    /// Appends the canonical text of a value.
    ///
    /// - Precondition: `slice` was scanned as a value of `body`; with other bytes this traps, or appends bytes of no meaning.
    /// - Complexity: O(bytes), and a sort of each object's array indices. An object with repeated or indexed keys moves all that
    ///   is in it once, and nests no deeper than `CanonicalJSON.nestingLimit`.
    mutating func append(_ slice: JSONSlice, of body: RawSpan, to output: inout ByteBuffer) {
        offset = slice.start
        copied = slice.start
        memberCount = 0
        var scratch = self.scratch  // lent to the closure, which needs all else
        self.scratch = ByteBuffer()
        scratch.clear()
        let room = JSONRewriter.growthMax &* (slice.end &- slice.start) &+ JSONDecimal.byteCountMax
        scratch.writeWithOutputRawSpan(minimumWritableBytes: room) { text in
            rewriteValue(of: body, to: &text)
            copyStretch(of: body, to: &text)
        }
        output.writeBytes(scratch.readableBytesSpan)
        if scratch.storageCapacity <= JSONRewriter.scratchBytesMax { self.scratch = scratch }
    }

    // MARK: Stretches

    /// Where the output will be written on when everything up to `offset` is copied.
    @inline(__always)
    private func outputIndex(_ output: borrowing OutputRawSpan) -> Int { output.byteCount &+ offset &- copied }

    private mutating func copyStretch(of body: RawSpan, to output: inout OutputRawSpan) {
        if copied < offset { output.writeBytes(body.extracting(copied..<offset)) }
        copied = offset
    }

    /// Leaves out the next bytes, of which something else has been written.
    private mutating func leaveOut(_ count: Int) {
        offset &+= count
        copied = offset
    }

    private mutating func leaveOutSpace(of body: RawSpan, to output: inout OutputRawSpan) {
        guard offset < body.byteCount, JSONScanner.isSpace(body.jsonByte(at: offset)) else { return }
        copyStretch(of: body, to: &output)
        repeat { leaveOut(1) } while offset < body.byteCount && JSONScanner.isSpace(body.jsonByte(at: offset))
    }

    // MARK: Values

    private mutating func rewriteValue(of body: RawSpan, to output: inout OutputRawSpan) {
        switch body.jsonByte(at: offset) {
        case UInt8(ascii: "\""): _ = rewriteString(of: body, to: &output)
        case UInt8(ascii: "{"): rewriteObject(of: body, to: &output)
        case UInt8(ascii: "["): rewriteArray(of: body, to: &output)
        case UInt8(ascii: "t"), UInt8(ascii: "n"): offset &+= 4
        case UInt8(ascii: "f"): offset &+= 5
        default: rewriteNumber(of: body, to: &output)
        }
    }

    private mutating func rewriteArray(of body: RawSpan, to output: inout OutputRawSpan) {
        offset &+= 1
        leaveOutSpace(of: body, to: &output)
        while body.jsonByte(at: offset) != UInt8(ascii: "]") {
            rewriteValue(of: body, to: &output)
            leaveOutSpace(of: body, to: &output)
            guard body.jsonByte(at: offset) == UInt8(ascii: ",") else { break }
            offset &+= 1
            leaveOutSpace(of: body, to: &output)
        }
        offset &+= 1
    }

    private mutating func rewriteObject(of body: RawSpan, to output: inout OutputRawSpan) {
        let outer = memberCount
        var keys = JSONKeySet()
        var isInOrder = true
        offset &+= 1
        leaveOutSpace(of: body, to: &output)
        while body.jsonByte(at: offset) != UInt8(ascii: "}") {
            let (start, keyStart) = (outputIndex(output), offset &+ 1)
            let isAsWritten = rewriteString(of: body, to: &output)
            if isInOrder {
                // As text, escapes and all: a key that is as written has this one spelling.
                isInOrder = isAsWritten && keys.insert(from: keyStart, to: offset &- 1, in: body)
            }
            let keyEnd = outputIndex(output)
            leaveOutSpace(of: body, to: &output)
            offset &+= 1  // the colon
            leaveOutSpace(of: body, to: &output)
            rewriteValue(of: body, to: &output)
            push(Member(start: start, keyEnd: keyEnd, end: outputIndex(output)))
            leaveOutSpace(of: body, to: &output)
            guard body.jsonByte(at: offset) == UInt8(ascii: ",") else { break }
            offset &+= 1
            leaveOutSpace(of: body, to: &output)
        }
        if !isInOrder {
            copyStretch(of: body, to: &output)
            order.restore(members[outer..<memberCount], in: &output)
        }
        memberCount = outer
        offset &+= 1
    }

    @inline(__always)
    private mutating func push(_ member: Member) {
        if memberCount < members.count { members[memberCount] = member } else { members.append(member) }
        memberCount &+= 1
    }

    // MARK: Strings

    /// - Returns: whether the string is canonical as it was written.
    private mutating func rewriteString(of body: RawSpan, to output: inout OutputRawSpan) -> Bool {
        var scanner = JSONScanner(offset: offset, form: .canonical)
        _ = scanner.scanString(in: body)
        guard scanner.form != .canonical else {
            offset = scanner.offset
            return true
        }
        while offset < scanner.offset {
            guard body.jsonByte(at: offset) == UInt8(ascii: "\\") else {
                offset &+= 1
                continue
            }
            switch body.jsonByte(at: offset &+ 1) {
            case UInt8(ascii: "/"):
                copyStretch(of: body, to: &output)
                leaveOut(1)
                offset &+= 1
            case UInt8(ascii: "u"): rewriteCodePoint(of: body, to: &output)
            default: offset &+= 2
            }
        }
        return false
    }

    /// A backslash, `u` and four digits; or two of these that are a surrogate pair.
    private mutating func rewriteCodePoint(of body: RawSpan, to output: inout OutputRawSpan) {
        copyStretch(of: body, to: &output)
        let unit = JSONRewriter.codeUnit(at: offset &+ 2, of: body)
        leaveOut(6)
        if unit & 0xFC00 == 0xD800, offset &+ 6 <= body.byteCount, body.jsonByte(at: offset) == UInt8(ascii: "\\"),
            body.jsonByte(at: offset &+ 1) == UInt8(ascii: "u")
        {
            let low = JSONRewriter.codeUnit(at: offset &+ 2, of: body)
            if low & 0xFC00 == 0xDC00 {
                leaveOut(6)
                output.writeJSONCharacter(0x10000 &+ (unit & 0x3FF) &<< 10 &+ (low & 0x3FF))
                return
            }
        }
        output.writeJSONCharacter(unit)
    }

    private static func codeUnit(at start: Int, of body: RawSpan) -> UInt32 {
        var unit: UInt32 = 0
        for index in start..<start &+ 4 {
            let digit = body.jsonByte(at: index)
            unit = unit &<< 4 | UInt32(JSONScanner.isDigit(digit) ? digit & 15 : digit & 15 &+ 9)
        }
        return unit
    }

    // MARK: Numbers

    private mutating func rewriteNumber(of body: RawSpan, to output: inout OutputRawSpan) {
        if leaveOutZeros(of: body, to: &output) { return }
        var scanner = JSONScanner(offset: offset, form: .canonical)
        _ = scanner.scanNumber(in: body)
        guard scanner.form != .canonical else {
            offset = scanner.offset
            return
        }
        copyStretch(of: body, to: &output)
        if let decimal = JSONDecimal(body, from: offset, to: scanner.offset) {
            decimal.write(to: &output)
        } else {
            // More digits than a double holds, or nearly out of its range: rare, and the only thing that allocates.
            var text: [UInt8] = []
            let written = String(decoding: (offset..<scanner.offset).map { body.jsonByte(at: $0) }, as: UTF8.self)
            JSONNumber.append(Double(written) ?? 0, to: &text)
            for byte in text { output.append(byte) }
        }
        leaveOut(scanner.offset &- offset)
    }

    /// Writes a number of which only zeros behind its point are too many: nearly all that are not canonical.
    ///
    /// - Returns: whether it was one: at most 15 digits, no sign, no zero in front and no exponent (`JSONScanner.scanNumber`).
    @inline(__always)
    private mutating func leaveOutZeros(of body: RawSpan, to output: inout OutputRawSpan) -> Bool {
        guard body.jsonByte(at: offset) &- UInt8(ascii: "1") < 9 else { return false }
        let limit = min(body.byteCount, offset &+ 17)
        var index = offset
        while index < limit, JSONScanner.isDigit(body.jsonByte(at: index)) { index &+= 1 }
        guard index < limit else { return false }
        var end = index
        if body.jsonByte(at: index) == UInt8(ascii: ".") {
            index &+= 1
            while index < limit, JSONScanner.isDigit(body.jsonByte(at: index)) {
                if body.jsonByte(at: index) != UInt8(ascii: "0") { end = index &+ 1 }
                index &+= 1
            }
        }
        guard index < limit, body.jsonByte(at: index) | 0x20 != UInt8(ascii: "e"), index &- offset <= 15 else {
            return false
        }
        let zeros = index &- end
        offset = end
        if zeros > 0 {
            copyStretch(of: body, to: &output)
            leaveOut(zeros)
        }
        return true
    }
}

extension OutputRawSpan {
    /// Writes a code point within a string as `JSON.stringify` does, a lone surrogate included.
    fileprivate mutating func writeJSONCharacter(_ point: UInt32) {
        switch point {
        case 0x22, 0x5C: writeEscape(UInt8(point))
        case 0x08: writeEscape(UInt8(ascii: "b"))
        case 0x09: writeEscape(UInt8(ascii: "t"))
        case 0x0A: writeEscape(UInt8(ascii: "n"))
        case 0x0C: writeEscape(UInt8(ascii: "f"))
        case 0x0D: writeEscape(UInt8(ascii: "r"))
        case 0..<0x20, 0xD800..<0xE000:
            writeEscape(UInt8(ascii: "u"))
            for shift: UInt32 in [12, 8, 4, 0] {
                let digit = UInt8(truncatingIfNeeded: point &>> shift & 15)
                append(digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &+ digit &- 10)
            }
        case 0..<0x80:
            append(UInt8(point))
        case 0..<0x800:
            append(0xC0 | UInt8(point &>> 6))
            writeTrailing(point)
        case 0..<0x10000:
            append(0xE0 | UInt8(point &>> 12))
            writeTrailing(point &>> 6)
            writeTrailing(point)
        default:
            append(0xF0 | UInt8(point &>> 18))
            writeTrailing(point &>> 12)
            writeTrailing(point &>> 6)
            writeTrailing(point)
        }
    }

    private mutating func writeEscape(_ letter: UInt8) {
        append(UInt8(ascii: "\\"))
        append(letter)
    }

    private mutating func writeTrailing(_ bits: UInt32) { append(0x80 | UInt8(bits & 0x3F)) }
}
