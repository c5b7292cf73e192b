// A client: what it does with its socket, and what it has been sent, held against what it is owed.

internal import NIOCore
internal import Reprise

/// One browser, or one caller of the management API.
final class SimulatedClient {
    let socket: SimulatedSocket
    let channel: SimulatedChannel
    /// What a management call posted.
    let posted: [UInt8]?
    private(set) var stream = ServerStream()
    /// Its connection, once the 101 has said so.
    private(set) var id: ConnectionID?
    /// Everything owed before this index was sent in full, but for what was `passed`.
    private(set) var matched = 0
    /// Indices of what it was owed and not sent, while later things were.
    private(set) var passed: [Int] = []
    /// Messages that the log refused, as the client was told.
    private(set) var refusals = 0
    /// What the server's Close said.
    private(set) var closeCode: UInt16?
    var isStalled = false
    /// Whether it answers pings, when it reads them.
    var answersPings = true
    /// How it sends: in small pieces, when it gets to it.
    var dribbles = false
    /// Its messages, sent and to be sent.
    private(set) var sent: [[UInt8]] = []
    private var unsent: [UInt8] = []
    /// How many bytes it was given to send.
    private var given = 0
    private var handled = 0
    private(set) var hasSentClose = false

    init(_ socket: SimulatedSocket, _ channel: SimulatedChannel, posted: [UInt8]? = nil) {
        self.socket = socket
        self.channel = channel
        self.posted = posted
    }

    /// Whether it can say something.
    var isOpen: Bool { id != nil && isConnected && !hasSentClose }

    var isConnected: Bool { socket.client == .open && socket.server == .open }

    /// Whether the server has read its request, and neither replies nor ends the socket. A client asks for one thing.
    var waitsForReply: Bool { isConnected && unsent.isEmpty && socket.toServer.isEmpty && stream.said.isEmpty }

    // MARK: Sending

    func send(_ bytes: [UInt8]) {
        given += bytes.count
        unsent += bytes
        if !dribbles { flush(atMost: .max) }
    }

    func sendFrame(_ opcode: UInt8, _ payload: [UInt8], mask: UInt32) {
        let key = (0..<4).map { UInt8(truncatingIfNeeded: mask >> ($0 * 8)) }
        var frame = [0x80 | opcode]
        switch payload.count {
        case 0...125: frame.append(0x80 | UInt8(payload.count))
        case 126...0xFFFF: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - $0 * 8)) }
        }
        frame += key
        for (index, byte) in payload.enumerated() { frame.append(byte ^ key[index & 3]) }
        if opcode == 8 { hasSentClose = true }
        if opcode == 10 { socket.pongs.append(given..<given + frame.count) }
        send(frame)
    }

    func say(_ text: String, mask: UInt32) {
        sent.append(Array(text.utf8))
        sendFrame(1, Array(text.utf8), mask: mask)
    }

    func flush(atMost count: Int) {
        guard socket.client == .open, !unsent.isEmpty else { return }
        if socket.server == .open { socket.toServer += unsent.prefix(count) }
        unsent.removeFirst(min(count, unsent.count))
        channel.socketChanged()
    }

    func finish(_ end: SimulatedSocket.End) {
        guard socket.client == .open else { return }
        socket.client = end
        channel.socketChanged()
    }

    // MARK: Reading

    /// Reads, and does what a client does with what it has read.
    func read(atMost count: Int, mask: UInt32) {
        guard socket.client == .open else { return }
        socket.read(atMost: count)
        channel.roomAppeared()
        while handled < stream.said.count, stream.said[handled].end <= socket.readByClient {
            switch stream.said[handled].what {
            case .close where !hasSentClose: sendFrame(8, [0x03, 0xE8], mask: mask)
            case .ping where answersPings && !hasSentClose: sendFrame(10, [], mask: mask)
            case .reply(let status, _, _) where status != 101: finish(.finished)
            default: break
            }
            handled += 1
        }
        if socket.server != .open, socket.room == socket.capacity { finish(.finished) }
    }

    // MARK: Being sent something

    /// The kernel took bytes for it.
    ///
    /// - Returns: what was said with them.
    func take(_ bytes: UnsafeRawBufferPointer) throws(Violation) -> ArraySlice<(what: ServerStream.Said, end: Int)> {
        let count = try unsafe stream.take(bytes)
        return stream.said.suffix(count)
    }

    /// The 101 came.
    func opened(_ id: ConnectionID) { self.id = id }

    func closed(_ code: UInt16) throws(Violation) {
        if closeCode != nil { throw Violation("a second Close for \(name)") }
        closeCode = code
    }

    func refused() { refusals += 1 }

    /// A message came: the next that it is owed, or one behind that where it may miss some.
    func match(isText: Bool, _ payload: [UInt8], _ life: Oracle.Life, mayMiss: Bool) throws(Violation) {
        if closeCode != nil { throw Violation("a message for \(name) after its Close") }
        var index = matched
        while index < life.owed.count, life.owed[index].payload != payload || life.owed[index].isText != isText {
            index += 1
        }
        guard index < life.owed.count else {
            let text = String(decoding: payload.prefix(80), as: UTF8.self)
            let next = life.owed.dropFirst(matched).first.map { String(decoding: $0.payload.prefix(80), as: UTF8.self) }
            throw Violation("\(name) is sent \(text), and is owed \(next ?? "nothing")")
        }
        if index > matched, !mayMiss {
            throw Violation(
                "\(name) missed position \(life.owed[matched].position), and was sent \(life.owed[index].position)")
        }
        passed += matched..<index
        matched = index + 1
    }

    var name: String { id.map { "connection \($0)" } ?? "a client without a connection" }

    // MARK: Afterwards

    /// Whether a delivery left in full.
    func wasSent(_ index: Int) -> Bool { index < matched && !passed.contains(index) }

    /// Whether these messages are of those that it has sent, in their order.
    func hasSent(_ said: [[UInt8]]) -> Bool {
        var rest = sent[...]
        for body in said {
            guard let index = rest.firstIndex(of: body) else { return false }
            rest = rest[(index + 1)...]
        }
        return true
    }

    /// What the log says about its deliveries at its end must be true, and as much as is true.
    func judge(_ life: Oracle.Life) throws(Violation) {
        guard let (_, end) = life.disconnected else { return }
        func isSkipped(_ index: Int) -> Bool { life.skipped.contains { $0.contains(life.owed[index].position) } }
        let through = (end.cause == .crash ? end.deliveredAtLeast : end.deliveredThrough) ?? .zero
        // A crash may come before the log knows of a gap; then it claims nothing so far. A power cut may take more of the log.
        for index in passed.prefix(while: { $0 < life.owed.count })
        where !isSkipped(index) && (end.cause != .crash || life.owed[index].position <= through) {
            throw Violation("\(name) missed \(life.owed[index].position), and the log does not say so")
        }
        for index in life.owed.indices where isSkipped(index) && wasSent(index) {
            throw Violation("\(name) was sent \(life.owed[index].position), which the log says it skipped")
        }
        for (index, owed) in life.owed.enumerated()
        where owed.position <= through && !wasSent(index) && !isSkipped(index) {
            throw Violation(
                "the log says that \(name) was sent all up to \(through), and \(owed.position) had not left")
        }
        guard end.cause != .crash else { return }
        if let next = life.owed.firstIndex(where: { $0.position > through }), wasSent(next) {
            throw Violation("\(name) was sent \(life.owed[next].position), and the log says only \(through)")
        }
        let sent = UInt64(max(0, stream.countedBytes - stream.handshakeEnd))
        if id != nil, end.bytesSent != sent {
            throw Violation("\(name) was sent \(sent) bytes, and the log says \(end.bytesSent)")
        }
    }
}
