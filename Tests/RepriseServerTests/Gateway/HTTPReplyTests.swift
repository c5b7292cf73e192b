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
        let headers = HTTPReply(status: .noContent).headers(keepAlive: true)
        #expect(headers.isEmpty)
    }

    @Test func `with an empty body have the length 0`() {
        #expect(HTTPReply.gone.headers(keepAlive: true)["content-length"] == ["0"])
        #expect(HTTPReply.gone.headers(keepAlive: true)["x-amzn-errortype"] == ["GoneException"])
    }

    @Test func `count bytes, not characters`() {
        #expect(HTTPReply(status: .ok, body: "é").headers(keepAlive: true)["content-length"] == ["2"])
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
        var tokens = TokenSource()
        for _ in 0..<2000 {
            #expect(!tokens.requestID().text.hasPrefix("-"))
            #expect(!tokens.messageID().text.hasPrefix("-"))
            #expect(!tokens.connectionID().text.hasPrefix("-"))
        }
    }

    @Test func `does not repeat itself`() {
        var tokens = TokenSource()
        let ids = (0..<2000).map { _ in tokens.requestID().text } + (0..<2000).map { _ in tokens.connectionID().text }
        #expect(Set(ids).count == 4000)
    }

    @Test func `draws UUIDs of version 4`() {
        var tokens = TokenSource()
        for _ in 0..<100 {
            let parts = tokens.uuid().split(separator: "-", omittingEmptySubsequences: false)
            #expect(parts.map(\.utf8.count) == [8, 4, 4, 4, 12])
            #expect(parts[2].first == "4")
            #expect(["8", "9", "a", "b"].contains(parts[3].first?.lowercased()))
        }
    }
}
