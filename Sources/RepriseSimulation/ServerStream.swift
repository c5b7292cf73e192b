// What a server sends on one socket, read byte by byte with nothing of the server's own code.

internal import Reprise

/// Reads a handshake or HTTP replies, then frames.
struct ServerStream {
    /// One thing that the server said.
    enum Said {
        /// An HTTP reply: its status, its header fields, its body.
        case reply(Int, [String: String], String)
        /// A complete data message.
        case message(isText: Bool, [UInt8])
        case ping
        case pong
        case close(code: UInt16)
    }

    /// What was said, with the count of bytes at its end.
    private(set) var said: [(what: Said, end: Int)] = []
    /// The count of bytes at the end of the 101.
    private(set) var handshakeEnd = 0
    /// Bytes of pings that came in full.
    private var pingBytes = 0
    /// How many bytes came but for pings, which a server does not count.
    var countedBytes: Int { end + bytes.count - pingBytes - (isWebSocket && bytes.first == 0x89 ? bytes.count : 0) }

    private var bytes: [UInt8] = []
    private var end = 0
    private var isWebSocket = false
    private var fragments: (isText: Bool, payload: [UInt8])?

    /// - Returns: how many things were said in full with these bytes.
    /// - Throws: `Violation` where the bytes are not what RFC 6455 allows a server.
    mutating func take(_ more: UnsafeRawBufferPointer) throws(Violation) -> Int {
        let before = said.count
        unsafe bytes.append(contentsOf: more)
        while try isWebSocket ? takeFrame() : takeReply() {}
        return said.count - before
    }

    private mutating func takeReply() throws(Violation) -> Bool {
        let mark = Array("\r\n\r\n".utf8)
        guard let headEnd = bytes.indices.first(where: { bytes[$0...].starts(with: mark) }) else { return false }
        let lines = String(decoding: bytes[..<headEnd], as: UTF8.self).split(separator: "\r\n")
        guard let status = lines.first?.split(separator: " ").dropFirst().first.flatMap({ Int($0) }) else {
            throw Violation("a reply without a status: \(lines)")
        }
        var fields: [String: String] = [:]
        for line in lines.dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].drop(while: { $0 == " " })) : ""
        }
        let bodyStart = headEnd + mark.count
        let bodyCount = fields["content-length"].flatMap { Int($0) } ?? 0
        guard bytes.count >= bodyStart + bodyCount else { return false }
        let body = String(decoding: bytes[bodyStart..<bodyStart + bodyCount], as: UTF8.self)
        isWebSocket = status == 101
        consume(bodyStart + bodyCount)
        if isWebSocket { handshakeEnd = end }
        said.append((.reply(status, fields, body), end))
        return true
    }

    private mutating func takeFrame() throws(Violation) -> Bool {
        guard bytes.count >= 2 else { return false }
        if bytes[0] & 0x70 != 0 || bytes[1] & 0x80 != 0 {
            throw Violation("reserved bits or a mask in \(bytes.prefix(2))")
        }
        let opcode = bytes[0] & 0x0F
        let isFinal = bytes[0] & 0x80 != 0
        let short = Int(bytes[1] & 0x7F)
        let lengthCount = short == 126 ? 2 : short == 127 ? 8 : 0
        guard bytes.count >= 2 + lengthCount else { return false }
        let count = lengthCount == 0 ? short : bytes[2..<2 + lengthCount].reduce(0) { $0 << 8 | Int($1) }
        let start = 2 + lengthCount
        guard bytes.count >= start + count else { return false }
        let payload = Array(bytes[start..<start + count])
        consume(start + count)
        switch opcode {
        case 0:
            guard var message = fragments else { throw Violation("a continuation without a beginning") }
            message.payload += payload
            fragments = message
        case 1, 2:
            guard fragments == nil else { throw Violation("a message within a message") }
            fragments = (opcode == 1, payload)
        case 8 where isFinal:
            said.append((.close(code: payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005), end))
            return true
        case 9 where isFinal:
            pingBytes += start + count
            said.append((.ping, end))
            return true
        case 10 where isFinal:
            said.append((.pong, end))
            return true
        default:
            throw Violation("a frame with opcode \(opcode), final \(isFinal)")
        }
        if isFinal, let message = fragments.take() {
            said.append((.message(isText: message.isText, message.payload), end))
        }
        return true
    }

    private mutating func consume(_ count: Int) {
        bytes.removeFirst(count)
        end += count
    }
}

/// Something that must never be, with what was found instead.
struct Violation: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
