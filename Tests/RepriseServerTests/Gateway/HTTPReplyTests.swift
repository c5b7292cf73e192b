import NIOCore
import NIOHTTP1
import Reprise
import Testing

@testable import RepriseServer

@Suite struct `HTTP replies` {
    @Test func `are complete responses that close`() {
        let text = String(buffer: HTTPReply.unavailable("Too \"many\"").encoded())
        #expect(
            text == "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                + "x-amzn-ErrorType: ServiceUnavailableException\r\nRetry-After: 1\r\nContent-Length: 26\r\n"
                + "Connection: close\r\n\r\n{\"message\":\"Too \\\"many\\\"\"}")
    }

    @Test func `with no content have no length`() {
        #expect(
            String(buffer: HTTPReply(status: .noContent).encoded(keepAlive: true)) == "HTTP/1.1 204 No Content\r\n\r\n")
    }

    @Test func `with an empty body have the length 0`() {
        let text = String(buffer: HTTPReply.gone.encoded(keepAlive: true))
        #expect(text.hasSuffix("\r\nx-amzn-ErrorType: GoneException\r\nContent-Length: 0\r\n\r\n"))
    }

    @Test func `count bytes, not characters`() {
        let text = String(buffer: HTTPReply(status: .ok, body: "é").encoded(keepAlive: true))
        #expect(text == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\né")
    }

    @Test func `to HEAD have the length of the body, and no body`() {
        let text = String(buffer: HTTPReply(status: .ok, body: "xyz").encoded(keepAlive: true, omitsBody: true))
        #expect(text == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
    }

    @Test(arguments: [(HTTPMethod.GET, []), (.HEAD, []), (.OPTIONS, ["GET, HEAD, OPTIONS"])])
    func `to probes say what can be asked where that is the question`(method: HTTPMethod, allowed: [String]) {
        let reply = HTTPReply(status: .serviceUnavailable, body: "x").toProbe(method)
        #expect(reply.status == .serviceUnavailable && reply.body == "x")
        #expect(reply.headers.filter { $0.name == "Allow" }.map(\.value) == allowed)
    }

    @Test(arguments: [
        ("a", #""a""#), ("\"\\", #""\"\\""#), ("\n\r\t", #""\n\r\t""#), ("\u{01}\u{1F}", #""\u0001\u001f""#),
        ("é\u{1F600}", "\"é\u{1F600}\""),
    ])
    func `quote text as JSON`(text: String, quoted: String) {
        #expect(JSONText.quoted(text) == quoted)
    }
}

@Suite struct `The token source` {
    @Test func `never begins an id with a dash`() {
        var tokens = TokenSource(.host)
        for _ in 0..<2000 {
            #expect(!tokens.requestID().text.hasPrefix("-"))
            #expect(!tokens.messageID().text.hasPrefix("-"))
            #expect(!tokens.connectionID().text.hasPrefix("-"))
        }
    }

    @Test func `does not repeat itself`() {
        var tokens = TokenSource(.host)
        let ids = (0..<2000).map { _ in tokens.requestID().text } + (0..<2000).map { _ in tokens.connectionID().text }
        #expect(Set(ids).count == 4000)
    }

    @Test func `draws UUIDs of version 4`() {
        var tokens = TokenSource(.host)
        for _ in 0..<100 {
            let parts = tokens.uuid().split(separator: "-", omittingEmptySubsequences: false)
            #expect(parts.map(\.utf8.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4")
            #expect(["8", "9", "a", "b"].contains(parts[3].first?.lowercased()))
        }
    }
}
