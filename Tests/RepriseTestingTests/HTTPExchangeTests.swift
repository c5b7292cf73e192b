// What the fuzzer of HTTP looks at is what a server really answers.

import NIOCore
import Testing

@testable import RepriseTesting

@Suite struct HTTPExchangeTests {
    private static let post = "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"

    private func exchange(_ texts: String...) throws -> HTTPExchange {
        try HTTPExchange(texts.map { ByteBuffer(string: $0) })
    }

    @Test func `a post has an answer and an event`() throws {
        let exchange = try exchange(Self.post)
        #expect(exchange.replies.map(\.body) == [#"{"position":2,"recipients":0}"#])
        #expect(exchange.sent.count == 1)
        #expect(exchange.isOpen)
    }

    @Test func `pipelined requests have an answer each, until one cannot be read`() throws {
        let exchange = try exchange(
            Self.post + Self.post + "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + "no request\r\n\r\n")
        #expect(exchange.replies.map(\.status) == [200, 200, 200, 400])
        #expect(exchange.sent.count == 2)
        #expect(!exchange.isOpen)
    }

    @Test func `a request may come in pieces`() throws {
        let cut = Self.post.index(Self.post.startIndex, offsetBy: 30)
        #expect(try exchange(String(Self.post[..<cut]), String(Self.post[cut...])) == exchange(Self.post))
    }

    @Test func `a handshake is answered with 101`() throws {
        let exchange = try exchange(
            "GET /dev HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        #expect(exchange.replies.map(\.status) == [101])
        #expect(exchange.replies[0]["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(exchange.isOpen)
    }

    @Test func `whoever waits before it sends the content is told to go on, or that it is not wanted`() throws {
        let fields = " HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n"
        #expect(try exchange("POST /dev/@connections" + fields).replies.map(\.status) == [100])
        #expect(try exchange("POST /dev/@connections" + fields, "x").replies.map(\.status) == [100, 200])
        let refused = try exchange("POST /nothing" + fields + "x" + Self.post)
        #expect(refused.replies.map(\.status) == [403])
        #expect(refused.sent.isEmpty && !refused.isOpen)
    }

    @Test func `a request for a tunnel is the last of its socket`() throws {
        let exchange = try exchange(
            "CONNECT x:1 HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(exchange.replies.map(\.status) == [403])
        #expect(exchange.replies[0]["connection"] == "close")
        #expect(!exchange.isOpen)
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",  // neither date nor id
        "HTTP/1.1 200 OK\r\nDate: x\r\nx-amzn-RequestId: y\r\nContent-Length: 1\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nDate: x\r\nx-amzn-RequestId: y\nz: \u{1}\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 OK\r\n\r\n", "200", "",
    ])
    func `what is no response is a finding`(text: String) {
        #expect(throws: FuzzFinding.self) { try HTTPExchange.Reply(ByteBuffer(string: text)) }
    }
}
