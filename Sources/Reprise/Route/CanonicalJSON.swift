public import NIOCore

/// The payload of the `data` source: exactly the text that `JSON.stringify(JSON.parse(body).data)` gives in a browser.
///
/// - Equal keys: the last value wins, in the place of the first; at the top level too.
/// - Keys: array indices (0…2³² − 2) in ascending order, then the others as they came. `__proto__` is a key like any other.
/// - Numbers: the nearest double in its shortest form: `1.0` → `1`, `1e21` → `1e+21`, `-0` → `0`, `1e400` → `null`.
/// - Strings: `\" \\ \b \f \n \r \t`, other control characters and lone surrogates as lower-case `\u00xx`, the rest as is.
/// - White space between tokens is left out.
///
/// Most bodies are already written that way by the client's own `JSON.stringify`. One scan recognises that, and the bytes
/// are copied; or copied without white space; only what is left is written anew, by `JSONRewriter`.
///
/// - SeeAlso: ECMA-262, JSON.parse and JSON.stringify. `Tests/RepriseTests/Golden/json-stringify.jsonl` holds what V8 gave.
public enum CanonicalJSON {
    /// How many containers may be open at once, the body itself included; deeper text counts as not JSON.
    ///
    /// Parsing recurses once per level, and a thread of ours may have a stack of 128 KiB (musl). 128 levels is what
    /// serde_json allows, and more than people write by hand.
    public static let nestingLimit = 128

    /// Appends the canonical text of member `data` of a body.
    ///
    /// - Parameter body: a message's bytes. Text is assumed to be valid UTF-8; other bytes are copied, never trusted.
    /// - Returns: false, with nothing appended, if the body is not a JSON object or has no member `data`.
    /// - Complexity: O(bytes); allocates only what `output` needs if the text is canonical but for white space.
    @discardableResult
    public static func appendData(of body: RawSpan, to output: inout ByteBuffer) -> Bool {
        appendData(of: body, to: &output, usesFastPath: true)
    }

    /// The same; without the fast path nothing of `JSONScanner` and `JSONRewriter` has a part in the result: tests hold the two
    /// against each other.
    static func appendData(of body: RawSpan, to output: inout ByteBuffer, usesFastPath: Bool) -> Bool {
        if usesFastPath {
            guard let data = JSONBody(body, selecting: .none)?.data else { return false }
            var rewriter = JSONRewriter()
            append(data, of: body, to: &output, with: &rewriter)
            return true
        }
        guard case .object(let members)? = JSONParser.parse(body, from: 0, to: body.byteCount),
            let data = members.first(where: { $0.key == Array("data".utf8) })
        else { return false }
        var text: [UInt8] = []
        data.value.appendCanonical(to: &text)
        output.writeBytes(text)
        return true
    }

    /// Appends the canonical text of a value that was scanned before.
    ///
    /// - Precondition: `slice` was found in this very `body`. With other bytes this traps, or appends bytes of no meaning.
    public static func append(
        _ slice: JSONSlice, of body: RawSpan, to output: inout ByteBuffer, with rewriter: inout JSONRewriter
    ) {
        switch slice.form {
        case .canonical: output.writeBytes(body.extracting(slice.start..<slice.end))
        case .spaced: appendWithoutSpace(slice, of: body, to: &output)
        case .other: rewriter.append(slice, of: body, to: &output)
        }
    }

    /// Copies the stretches between white space; strings are stepped over whole.
    @inline(never)
    private static func appendWithoutSpace(_ slice: JSONSlice, of body: RawSpan, to output: inout ByteBuffer) {
        output.reserveCapacity(minimumWritableBytes: slice.end - slice.start)
        var scanner = JSONScanner(offset: slice.start)
        var start = slice.start
        while scanner.offset < slice.end {
            let byte = body.jsonByte(at: scanner.offset)
            if byte == UInt8(ascii: "\"") {
                _ = scanner.scanString(in: body)
            } else if JSONScanner.isSpace(byte) {
                output.writeBytes(body.extracting(start..<scanner.offset))
                scanner.skipSpace(in: body)
                start = scanner.offset
            } else {
                scanner.offset += 1
            }
        }
        output.writeBytes(body.extracting(start..<slice.end))
    }
}
