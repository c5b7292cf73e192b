// A client that does one thing after the other on a blocking socket: tests read as what a client does.

import Glibc
import Reprise

/// One socket to a server. Every call gives up after a minute: long enough for a starved machine.
final class LiveClient: Sendable {
    private let descriptor: CInt
    private let reader = Reader()

    /// Bytes that were received and not taken yet. Used by one thread.
    private final class Reader: @unchecked Sendable {
        var bytes: [UInt8] = []
    }

    /// Connects.
    ///
    /// - Parameter receiveBytes: the size of the receive buffer, where a small one is wanted.
    init(port: Int, receiveBytes: Int? = nil) throws {
        descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw LiveError("socket: \(errno)") }
        if let receiveBytes { set(SO_RCVBUF, CInt(receiveBytes)) }
        set(SO_RCVTIMEO, timeval(tv_sec: 60, tv_usec: 0))
        set(SO_SNDTIMEO, timeval(tv_sec: 60, tv_usec: 0))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                unsafe Glibc.connect(descriptor, rebound, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw LiveError("connect: \(errno)") }
    }

    deinit { Glibc.close(descriptor) }

    private func set(_ option: CInt, _ value: some BitwiseCopyable) {
        var value = value
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, option, &value, socklen_t(MemoryLayout.size(ofValue: value)))
    }

    /// The port that the system chose for this socket.
    var ownPort: Int {
        get throws {
            var address = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let outcome = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { rebound in
                    unsafe getsockname(descriptor, rebound, &size)
                }
            }
            guard outcome == 0 else { throw LiveError("getsockname: \(errno)") }
            return Int(in_port_t(bigEndian: address.sin_port))
        }
    }

    // MARK: Bytes

    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.send(
                    descriptor, buffer.baseAddress.map { unsafe $0 + sent }, buffer.count - sent, CInt(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw LiveError("send: \(errno)") }
            sent += count
        }
    }

    func send(text: String) throws { try send(Array(text.utf8)) }

    /// Says that nothing more is sent.
    func endOutput() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

    /// Resets the connection.
    func reset() {
        set(SO_LINGER, linger(l_onoff: 1, l_linger: 0))
        let other = unsafe open("/dev/null", O_RDWR)
        dup2(other, descriptor)
        Glibc.close(other)
    }

    /// Receives more.
    ///
    /// - Returns: false at the end of the stream; a reset is an end too.
    private func receiveMore() throws -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe chunk.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0, errno == EAGAIN { throw LiveError("nothing came for a minute") }
        if count <= 0 { return false }
        reader.bytes += chunk.prefix(count)
        return true
    }

    private func take(_ count: Int) throws -> [UInt8] {
        while reader.bytes.count < count {
            guard try receiveMore() else { throw LiveError("the stream ended") }
        }
        defer { reader.bytes.removeFirst(count) }
        return Array(reader.bytes.prefix(count))
    }

    /// Whether the server has ended the stream, and nothing came before the end.
    func isAtEnd() throws -> Bool {
        if reader.bytes.isEmpty, try !receiveMore() { return true }
        return false
    }

    // MARK: HTTP

    /// Takes the head of a reply, without the empty line.
    func head() throws -> String {
        let end = Array("\r\n\r\n".utf8)
        while true {
            for start in reader.bytes.indices.dropLast(3) where Array(reader.bytes[start..<start + 4]) == end {
                let head = try take(start + 4)
                return String(decoding: head.dropLast(4), as: UTF8.self)
            }
            guard try receiveMore() else { throw LiveError("the stream ended in a head") }
        }
    }

    /// Takes a reply.
    func reply() throws -> LiveReply {
        var reply = LiveReply(head: try head())
        reply.body = String(decoding: try take(reply["content-length"].flatMap { Int($0) } ?? 0), as: UTF8.self)
        return reply
    }

    static func handshake(_ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    }

    /// Sends the handshake and takes the 101.
    func upgrade(_ path: String = "/dev") throws {
        try send(text: LiveClient.handshake(path))
        let head = try head()
        guard head.hasPrefix("HTTP/1.1 101 ") else { throw LiveError("refused: \(head)") }
    }

    // MARK: Frames

    static func frame(_ opcode: UInt8, _ payload: [UInt8], isFinal: Bool = true) -> [UInt8] {
        let key: [UInt8] = [0, 0, 0, 0]  // a key like any other, which spares the masking
        var frame = [opcode | (isFinal ? 0x80 : 0)]
        switch payload.count {
        case ..<126: frame.append(0x80 | UInt8(payload.count))
        case ..<65_536: frame += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: frame += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        return frame + key + payload
    }

    func say(_ text: String) throws { try send(LiveClient.frame(1, Array(text.utf8))) }

    /// Sends `{"action":"onMessage","data":DATA}`.
    func broadcast(_ data: String) throws { try say("{\"action\":\"onMessage\",\"data\":\(data)}") }

    func close(_ code: UInt16? = nil, _ reason: String = "") throws {
        let payload = code.map { [UInt8($0 >> 8), UInt8($0 & 0xFF)] + Array(reason.utf8) } ?? []
        try send(LiveClient.frame(8, payload))
    }

    /// Takes the next frame.
    func receive() throws -> LiveFrame {
        let start = try take(2)
        var length = Int(start[1])
        if length == 126 { length = try take(2).reduce(0) { $0 << 8 | Int($1) } }
        if length == 127 { length = try take(8).reduce(0) { $0 << 8 | Int($1) } }
        return LiveFrame(opcode: start[0] & 0x0F, isFinal: start[0] & 0x80 != 0, payload: try take(length))
    }

    /// Takes frames up to the Close, and its code.
    func receiveClose() throws -> UInt16? {
        while true {
            let frame = try receive()
            if frame.opcode == 8 { return frame.closeCode }
        }
    }
}

/// A frame that a client received.
struct LiveFrame: Equatable {
    var opcode: UInt8
    var isFinal: Bool
    var payload: [UInt8]

    var text: String { String(decoding: payload, as: UTF8.self) }
    var closeCode: UInt16? { payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : nil }
}

/// A reply that a client received.
struct LiveReply {
    var head: String
    var body = ""

    init(head: String) { self.head = head }

    var status: Int { Int(head.split(separator: " ").dropFirst().first ?? "") ?? 0 }

    subscript(name: String) -> String? {
        for line in head.split(separator: "\r\n").dropFirst() {
            let parts = line.split(separator: ":", maxSplits: 1)
            if parts.count == 2, parts[0].lowercased() == name { return String(parts[1].drop { $0 == " " }) }
        }
        return nil
    }
}

/// Runs `body` on a new thread.
func startThread(_ body: @escaping @Sendable () -> Void) {
    var thread = pthread_t()
    let box = unsafe Unmanaged.passRetained(ThreadBody(body))
    let made = unsafe pthread_create(
        &thread, nil,
        { pointer in
            if let pointer = unsafe pointer {
                unsafe Unmanaged<ThreadBody>.fromOpaque(pointer).takeRetainedValue().body()
            }
            return nil
        }, box.toOpaque())
    precondition(made == 0, "no thread: \(made)")
    pthread_detach(thread)
}

private final class ThreadBody: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}
