/// The client's side of the opening handshake (RFC 6455 §4.1): the request's bytes and the judgement of the answer.
/// `Sec-WebSocket-Accept` is computed and compared, not just looked for.
struct UpgradeHandshake {
    /// What the bytes received so far say.
    enum Answer: Equatable {
        /// The head has not ended yet.
        case incomplete
        /// A correct 101 whose head takes so many bytes; what follows belongs to the stream.
        case accepted(headBytes: Int)
        /// Anything else; status 0 when it is not HTTP.
        case refused(status: Int, reason: String)
    }

    /// A head that has not ended after so many bytes is refused.
    static let headBytesMax = 16 << 10

    /// 16 random bytes in base64.
    let key: String

    init(key: String) {
        self.key = key
    }

    init(random: inout RandomSource) {
        var bytes: [UInt8] = []
        for _ in 0..<2 {
            let word = random.next()
            for shift in stride(from: UInt64(0), to: 64, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        key = Base64.encode(bytes)
    }

    /// The request.
    ///
    /// - Parameter subprotocol: what `Sec-WebSocket-Protocol` offers; nil leaves the header out.
    func request(for target: LoadTarget, subprotocol: String? = nil) -> [UInt8] {
        var lines = [
            "GET \(target.path) HTTP/1.1", "Host: \(target.authority)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13",
        ]
        if let subprotocol { lines.append("Sec-WebSocket-Protocol: \(subprotocol)") }
        lines += ["", ""]
        return [UInt8](lines.joined(separator: "\r\n").utf8)
    }

    /// The value that the answer must carry.
    var accept: String {
        Base64.encode(SHA1.hash([UInt8]((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }

    /// Judges everything received so far.
    func judge(_ bytes: [UInt8]) -> Answer {
        guard let headBytes = Self.headBytes(bytes) else {
            return bytes.count < Self.headBytesMax
                ? .incomplete : .refused(status: 0, reason: "a head of more than \(Self.headBytesMax) bytes")
        }
        var lines = Self.lines(of: bytes[..<headBytes])
        let words = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else {
            return .refused(status: 0, reason: "the answer is not HTTP")
        }
        guard status == 101 else {
            return .refused(status: status, reason: words.count > 2 ? String(words[2]) : "no reason")
        }
        func value(_ name: String) -> String? { Self.value(of: name, in: lines) }
        guard value("upgrade")?.lowercased() == "websocket" else {
            return .refused(status: status, reason: "no \"Upgrade: websocket\"")
        }
        guard value("sec-websocket-accept") == accept else {
            return .refused(status: status, reason: "Sec-WebSocket-Accept does not fit the key")
        }
        return .accepted(headBytes: headBytes)
    }

    /// The value of a field in the head of an answer, or nil if it has none.
    ///
    /// - Parameter name: in lower case.
    static func value(of name: String, inHead head: ArraySlice<UInt8>) -> String? {
        value(of: name, in: lines(of: head).dropFirst())
    }

    private static func value(of name: String, in lines: some Sequence<String>) -> String? {
        for line in lines where line.lowercased().hasPrefix(name + ":") {
            return String(line.dropFirst(name.count + 1).drop { $0 == " " || $0 == "\t" })
                .split(separator: " ").joined(separator: " ")
        }
        return nil
    }

    private static func lines(of head: ArraySlice<UInt8>) -> [String] {
        head.split(separator: UInt8(ascii: "\n")).map { line in
            String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
        }
    }

    /// Bytes up to and with the empty line; nil if there is none yet.
    static func headBytes(_ bytes: [UInt8]) -> Int? {
        let end: [UInt8] = [13, 10, 13, 10]
        guard bytes.count >= 4 else { return nil }
        for index in 0...(bytes.count - 4) where bytes[index] == 13 && bytes[index..<(index + 4)].elementsEqual(end) {
            return index + 4
        }
        return nil
    }
}

/// SHA-1 (FIPS 180-4) of one message: what the handshake asks for, and nothing else should.
enum SHA1 {
    /// The 20 bytes.
    static func hash(_ message: [UInt8]) -> [UInt8] {
        var bytes = message + [0x80]
        while bytes.count % 64 != 56 { bytes.append(0) }
        let bits = UInt64(message.count) * 8
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        var state: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        var words = [UInt32](repeating: 0, count: 80)
        for block in stride(from: 0, to: bytes.count, by: 64) {
            for index in 0..<16 {
                words[index] = (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[block + 4 * index + $1]) }
            }
            for index in 16..<80 {
                words[index] = rotate(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1)
            }
            var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
            for index in 0..<80 {
                let (mix, constant): (UInt32, UInt32) =
                    switch index {
                    case 0..<20: ((b & c) | (~b & d), 0x5A82_7999)
                    case 20..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                    case 40..<60: ((b & c) | (b & d) | (c & d), 0x8F1B_BCDC)
                    default: (b ^ c ^ d, 0xCA62_C1D6)
                    }
                let next = rotate(a, 5) &+ mix &+ e &+ constant &+ words[index]
                (e, d, c, b, a) = (d, c, rotate(b, 30), a, next)
            }
            for (index, value) in [a, b, c, d, e].enumerated() { state[index] &+= value }
        }
        return state.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(24 - 8 * $0)) } }
    }

    private static func rotate(_ word: UInt32, _ bits: UInt32) -> UInt32 {
        word << bits | word >> (32 - bits)
    }
}

/// Base64 (RFC 4648 §4), encoding only.
enum Base64 {
    private static let alphabet = [UInt8]("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The text of these bytes, padded.
    static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var word = group.reduce(0) { $0 << 8 | Int($1) }
            word <<= 8 * (3 - group.count)
            for index in 0..<4 {
                text.append(index > group.count ? UInt8(ascii: "=") : alphabet[word >> (18 - 6 * index) & 63])
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}
