import NIOHTTP1
import Reprise
import Testing

@testable import RepriseServer

@Suite struct `Request targets` {
    @Test(arguments: [
        ("/dev", ["dev"]), ("/dev/", ["dev"]), ("/", []), ("/dev?a=b", ["dev"]), ("/dev/?a=/b", ["dev"]),
        ("/dev/@connections/AbC%3D", ["dev", "@connections", "AbC="]),
        ("/dev/%40connections/AbC=", ["dev", "@connections", "AbC="]),
        ("/dev/%2540connections", ["dev", "%40connections"]), ("/%64%65%76", ["dev"]),
        ("/dev//@connections", ["dev", "", "@connections"]), ("/a%2Fb", ["a/b"]), ("/%C3%A9", ["é"]),
        ("http://localhost:8080/dev?a=http://b", ["dev"]), ("HTTPS://localhost/dev/x", ["dev", "x"]),
        ("http://localhost", []), ("http://localhost?x", []), ("ws://localhost/dev", ["dev"]),
        ("WSS://user@[::1]:1/dev?x", ["dev"]), ("ftp://localhost/dev", ["dev"]), ("a+b-c.9://localhost/dev", ["dev"]),
        ("http:///dev", ["dev"]),
    ])
    func `are cut into segments, each decoded once`(target: String, segments: [String]) {
        #expect(RequestTarget(target).segments == segments)
    }

    @Test(arguments: [
        "", "dev", "*", "http:/dev", "://localhost/dev", "9p://localhost/dev", "a_b://localhost/dev",
        "é://localhost/dev",
        "localhost:80", "/%", "/%4", "/%zz", "/%4g", "/%FF", "/%C3",
    ])
    func `that are not a path of valid text have no segments`(target: String) {
        #expect(RequestTarget(target).segments == nil)
    }

    @Test(arguments: [
        ("ws://localhost:80/dev?a=http://b", "localhost:80"), ("http://a@[::1]?x", "a@[::1]"), ("http:///dev", ""),
        ("/dev?a=http://b", nil), ("//a/dev", nil), ("*", nil), ("localhost:80", nil),
    ])
    func `have an authority in the absolute form`(target: String, authority: String?) {
        #expect(RequestTarget(target).authority == authority)
    }

    @Test(arguments: [("/dev", ""), ("/dev?", ""), ("/dev?a=b", "a=b"), ("/dev?a=b?c=d", "a=b?c=d"), ("?x", "x")])
    func `have a query, as it came`(target: String, query: String) {
        #expect(RequestTarget(target).query == query)
    }
}

@Suite struct `Upgrade requests` {
    private static let valid: [(String, String)] = [
        ("Host", "localhost"), ("Upgrade", "websocket"), ("Connection", "Upgrade"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="), ("Sec-WebSocket-Version", "13"),
    ]

    private func head(
        _ method: HTTPMethod = .GET, _ version: HTTPVersion = .http1_1, replacing name: String = "",
        with values: [String] = []
    ) -> HTTPRequestHead {
        var headers = HTTPHeaders(Self.valid.filter { $0.0 != name })
        for value in values { headers.add(name: name, value: value) }
        return HTTPRequestHead(version: version, method: method, uri: "/dev", headers: headers)
    }

    @Test(
        arguments: [
            ("", []), ("Upgrade", ["WebSocket"]), ("Upgrade", ["h2c, websocket"]), ("Upgrade", ["h2c", "websocket"]),
            ("Connection", ["keep-alive, Upgrade"]), ("Connection", ["upgrade"]),
            ("Connection", ["keep-alive", "UPGRADE"]),
        ] as [(String, [String])])
    func `that are right are let in`(name: String, values: [String]) {
        #expect(UpgradeRequest.refusal(of: head(replacing: name, with: values)) == nil)
    }

    @Test(
        arguments: [
            ("Upgrade", [], 426), ("Upgrade", ["h2c"], 426), ("Upgrade", ["websocket/13"], 426),
            ("Connection", [], 400), ("Connection", ["keep-alive"], 400), ("Connection", ["upgraded"], 400),
            ("Sec-WebSocket-Version", [], 426), ("Sec-WebSocket-Version", ["8"], 426),
            ("Sec-WebSocket-Version", ["13", "13"], 426), ("Sec-WebSocket-Version", ["013"], 426),
            ("Sec-WebSocket-Key", [], 400), ("Sec-WebSocket-Key", ["short"], 400),
            ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ=="], 0),
            ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="], 400),
            ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZQ=A"], 400),
            ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25j!Q=="], 400),
            ("Sec-WebSocket-Key", ["dGhlIHNhbXBsZSBub25jZXhh"], 400),
        ] as [(String, [String], Int)])
    func `that are wrong are refused with a status`(name: String, values: [String], status: Int) {
        let refusal = UpgradeRequest.refusal(of: head(replacing: name, with: values))
        #expect(Int(refusal?.status.code ?? 0) == status)
    }

    @Test func `are HTTP 1-1 GETs`() {
        #expect(UpgradeRequest.refusal(of: head(.POST))?.status == .badRequest)
        #expect(UpgradeRequest.refusal(of: head(.GET, .http1_0))?.status == .badRequest)
    }

    @Test func `say which version is needed`() {
        let reply = UpgradeRequest.refusal(of: head(replacing: "Sec-WebSocket-Version", with: ["8"]))
        #expect(reply?.headers.contains { $0.name == "Sec-WebSocket-Version" && $0.value == "13" } == true)
    }

    @Test func `are recorded without the redacted headers, spelled as they came`() {
        var head = head()
        head.uri = "/dev?room=a&room=b"
        head.headers.add(name: "aUTHORIZATION", value: "secret")
        head.headers.add(name: "Cookie", value: "secret")
        head.headers.add(name: "X-ReQuest", value: "1")
        var generator = SystemRandomNumberGenerator()
        let fact = UpgradeRequest.connected(
            head, connection: ConnectionID(using: &generator), request: RequestID(using: &generator),
            sourceIP: "10.0.0.1", stage: "dev", redacted: ["authorization", "cookie"])
        #expect(fact.query == "room=a&room=b")
        #expect(fact.host == "localhost")
        #expect(fact.headers.last == Header(name: "X-ReQuest", value: "1"))
        #expect(fact.headers.count == 6)
        #expect(!fact.headers.contains { $0.value == "secret" })
    }
}
