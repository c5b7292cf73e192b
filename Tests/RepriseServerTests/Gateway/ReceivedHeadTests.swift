import NIOHTTP1
import Testing

@testable import RepriseServer

@Suite struct ReceivedHeadTests {
    private static func received(
        _ headers: [(String, String)], _ version: HTTPVersion = .http1_1, uri: String = "/dev"
    ) -> ReceivedHead {
        ReceivedHead(HTTPRequestHead(version: version, method: .GET, uri: uri, headers: HTTPHeaders(headers)))
    }

    @Test(arguments: [
        ("13", "13"), ("13 ", "13"), (" 13", "13"), ("\t13 \t ", "13"), ("a b\tc ", "a b\tc"), ("", ""), (" \t ", ""),
        ("é ", "é"), ("\u{A0}x\u{A0}", "\u{A0}x\u{A0}"), ("x\u{0B}", "x\u{0B}"), ("\u{301} ", "\u{301}"),
    ])
    func `blanks around a value are no part of it`(sent: String, meant: String) {
        let headers = Self.received([("Host", "localhost"), ("X-A", sent), ("X-B", "b")]).head.headers
        #expect(headers.map(\.value) == ["localhost", meant, "b"])
        #expect(headers.map(\.name) == ["Host", "X-A", "X-B"])
    }

    @Test(arguments: [
        (HTTPVersion.http1_1, nil, true), (.http1_1, "close ", false), (.http1_1, " keep-alive", true),
        (.http1_1, "upgrade", true), (.http1_1, "keep-alive, Close", false), (.http1_0, nil, false),
        (.http1_0, "Keep-Alive\t", true), (.http1_0, "close", false), (.http1_0, "keep-alive , close", false),
        (.http1_0, "upgrade", false),
    ])
    func `a client says whether more requests follow`(version: HTTPVersion, value: String?, persists: Bool) {
        let headers = value.map { [("Connection", $0)] } ?? []
        #expect(Self.received(headers, version).head.persists == persists)
    }

    @Test(arguments: [
        "localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:8080", "[::1]", "[::1]:8080", "[::ffff:10.0.0.1]",
        "a_b-c.example:",
        "api.example", "%61pi.example", "", ":8080",
    ])
    func `one host is enough`(host: String) {
        #expect(Self.received([("Host", host)]).refusal == nil)
        #expect(Self.received([("Host", host)], .http1_0).refusal == nil)
    }

    @Test(arguments: [
        "a b", "a, b", "http://localhost", "localhost/", "user@localhost", "localhost:80a", "localhost:80:80",
        "localhost:-1",
        "::1", "[::1", "::1]", "[::1]8080", "[localhost]", "[127.0.0.1]", "[]", "[fe80::1%25eth0]", "%", "%4", "%zz",
        "é.example",
        "a\\b", "a?b", "a#b", "a\u{7F}",
    ])
    func `what is no host is refused, whatever the version`(host: String) {
        #expect(Self.received([("Host", host)]).refusal?.status == .badRequest)
        #expect(Self.received([("Host", host)], .http1_0).refusal?.status == .badRequest)
    }

    @Test func `two hosts are refused, and none since HTTP 1-1`() {
        for version in [HTTPVersion.http1_0, .http1_1] {
            let two = [("Host", "localhost"), ("host", "localhost")]
            #expect(Self.received(two, version).refusal?.status == .badRequest)
        }
        #expect(Self.received([]).refusal?.status == .badRequest)
        #expect(Self.received([], .http1_0).refusal == nil)
    }

    @Test func `the host of an absolute target takes the place of the header`() {
        let head = Self.received([("X-A", "a"), ("host", "evil.example")], uri: "ws://localhost:80/dev").head
        #expect(head.headers["host"] == ["localhost:80"])
        #expect(head.headers["x-a"] == ["a"])
        #expect(head.uri == "ws://localhost:80/dev")
        let old = Self.received([], .http1_0, uri: "http://localhost/health")
        #expect(old.refusal == nil && old.head.headers["host"] == ["localhost"])
    }

    @Test(arguments: ["http:///dev", "http://:80/dev", "http://user@localhost/dev", "ws://a b/dev", "ws://[::1/dev"])
    func `an absolute target without a valid host is refused`(target: String) {
        #expect(Self.received([("Host", "localhost")], uri: target).refusal?.status == .badRequest)
    }

    @Test func `an absolute target does not make up for the header`() {
        #expect(Self.received([], uri: "http://localhost/dev").refusal?.status == .badRequest)
        let two = [("Host", "localhost"), ("Host", "localhost")]
        #expect(Self.received(two, uri: "http://localhost/dev").refusal?.status == .badRequest)
        #expect(Self.received([("Host", "a b")], uri: "http://localhost/dev").refusal?.status == .badRequest)
    }
}
