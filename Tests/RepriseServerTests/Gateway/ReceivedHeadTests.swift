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
        (HTTPVersion.http1_1, "close ", false), (.http1_1, " keep-alive", true), (.http1_0, "keep-alive\t", true),
        (.http1_0, " close", false),
    ])
    func `what is said of the connection holds with blanks, too`(version: HTTPVersion, value: String, stays: Bool) {
        #expect(Self.received([("Connection", value)], version).head.isKeepAlive == stays)
    }
}
