import Testing

@testable import RepriseLoad

@Suite struct UpgradeHandshakeTests {
    private let handshake = UpgradeHandshake(key: "dGhlIHNhbXBsZSBub25jZQ==")
    private let answer = [
        "HTTP/1.1 101 Switching Protocols", "upgrade: WebSocket", "Connection: Upgrade",
        "SEC-WEBSOCKET-ACCEPT:  s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "", "",
    ].joined(separator: "\r\n")

    @Test func `the accept value of RFC 6455 comes out`() {
        #expect(handshake.accept == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    }

    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (String(repeating: "a", count: 1000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ])
    func `SHA-1 agrees with its published vectors`(message: String, digest: String) {
        let hex = SHA1.hash([UInt8](message.utf8)).map { byte in
            (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        #expect(hex.joined() == digest)
    }

    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")])
    func `base64 agrees with RFC 4648`(text: String, encoded: String) {
        #expect(Base64.encode([UInt8](text.utf8)) == encoded)
    }

    @Test func `an answer is incomplete at every cut, and the bytes behind its head stay with the stream`() {
        let bytes = [UInt8](answer.utf8)
        for count in 0..<bytes.count { #expect(handshake.judge(Array(bytes[..<count])) == .incomplete) }
        #expect(handshake.judge(bytes) == .accepted(headBytes: bytes.count))
        #expect(handshake.judge(bytes + [0x81, 0x01, 13, 10, 13, 10]) == .accepted(headBytes: bytes.count))
    }

    @Test(arguments: [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 503, "Service Unavailable"),
        ("SSH-2.0-OpenSSH\r\n\r\n", 0, "the answer is not HTTP"),
        ("HTTP/1.1 101 X\r\n\r\n", 101, "no \"Upgrade: websocket\""),
        (
            "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: AAAA\r\n\r\n", 101,
            "Sec-WebSocket-Accept does not fit the key"
        ),
    ])
    func `anything but a correct 101 is refused with its reason`(text: String, status: Int, reason: String) {
        #expect(handshake.judge([UInt8](text.utf8)) == .refused(status: status, reason: reason))
    }

    @Test func `a head without an end is refused`() {
        let bytes = [UInt8](repeating: 65, count: UpgradeHandshake.headBytesMax)
        guard case .refused = handshake.judge(bytes) else {
            Issue.record("accepted")
            return
        }
    }

    @Test func `the request asks for the path at the host`() throws {
        let target = try LoadTarget(url: "ws://127.0.0.1:8080/dev?x=1")
        #expect(target.address == 0x7F00_0001)
        #expect(target.port == 8080)
        let request = String(decoding: handshake.request(for: target), as: UTF8.self)
        #expect(request.hasPrefix("GET /dev?x=1 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n"))
        #expect(request.hasSuffix("\r\nSec-WebSocket-Version: 13\r\n\r\n"))
    }

    @Test func `TLS is asked for by the scheme, of a caller that speaks it`() throws {
        let secure = try LoadTarget(url: "wss://127.0.0.1/dev", allowsTLS: true)
        #expect(secure.isSecure)
        #expect((secure.port, secure.path, secure.authority) == (443, "/dev", "127.0.0.1"))
        let plain = try LoadTarget(url: "ws://127.0.0.1/dev", allowsTLS: true)
        #expect(!plain.isSecure)
        #expect(plain.port == 80)
    }

    @Test(arguments: ["http://127.0.0.1/", "ws://", "ws://127.0.0.1:0/", "ws://127.0.0.1:99999/", "wss://127.0.0.1/"])
    func `a URL that is not a WebSocket's is refused`(url: String) {
        #expect(throws: LoadError.self) { _ = try LoadTarget(url: url) }
    }

    @Test func `a new source address begins every 25 000 clients, on loopback only`() throws {
        let near = try LoadTarget(url: "ws://127.0.0.1:1/")
        #expect([0, 24_999, 25_000, 60_000].map { near.source(ofClient: $0) } == [0, 0, 0x7F00_0002, 0x7F00_0003])
        let far = try LoadTarget(url: "ws://10.0.0.1:1/")
        #expect(far.source(ofClient: 60_000) == 0)
    }
}
