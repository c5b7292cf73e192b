import NIOCore
import NIOHTTP1
import Testing

@testable import RepriseServer

@Suite struct IncomingRequestTests {
    private static func request(_ method: HTTPMethod, _ uri: String) -> IncomingRequest {
        let head = HTTPRequestHead(version: .http1_1, method: method, uri: uri)
        return IncomingRequest(head, for: RequestPurpose(of: head, stage: "dev", targetBytesMax: 64))
    }

    @Test(arguments: [
        (HTTPMethod.POST, "/nothing"), (.POST, "/health"), (.POST, "/dev"), (.GET, "/health"),
        (.PUT, "/dev/@connections"),
        (.GET, "/dev/@connections/abc"), (.DELETE, "/dev/@connections/abc"),
    ])
    func `a body that nobody asked for is not kept`(method: HTTPMethod, uri: String) {
        var request = IncomingRequestTests.request(method, uri)
        var part = ByteBuffer(string: "body")
        request.take(&part, bytesMax: 100)
        #expect(request.body?.readableBytes == 0)
    }

    @Test(arguments: ["/dev/@connections", "/dev/@connections/abc", "/dev/@replay"])
    func `the body of a management post is kept up to the size of a message`(uri: String) {
        var request = IncomingRequestTests.request(.POST, uri)
        for _ in 0..<2 {
            var part = ByteBuffer(string: "12345")
            request.take(&part, bytesMax: 10)
        }
        #expect(request.body.map { String(buffer: $0) } == "1234512345")
        var part = ByteBuffer(string: "6")
        request.take(&part, bytesMax: 10)
        #expect(request.body == nil)
        part = ByteBuffer(string: "7")
        request.take(&part, bytesMax: 10)
        #expect(request.body == nil)
    }

    @Test func `a target that is too long asks for nothing`() {
        let long = "/dev/@connections/" + String(repeating: "a", count: 64)
        guard case .refusal(let reply) = IncomingRequestTests.request(.POST, long).purpose else {
            Issue.record("it was taken")
            return
        }
        #expect(reply.status == .uriTooLong)
    }

    /// The status of the refusal where a listener does not serve what is asked for.
    private static func refusal(_ uri: String, _ listener: Listener, _ admin: AdminAddress) -> Int? {
        let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: uri)
        let purpose = RequestPurpose(of: head, stage: "dev", targetBytesMax: 64).served(by: listener, admin: admin)
        guard case .refusal(let reply) = purpose else { return nil }
        return Int(reply.status.code)
    }

    private static let apart: [(Listener, AdminAddress)] = [
        (.admin, .port(host: "::1", port: 1)), (.adminFile, .file(path: "/a")),
    ]

    @Test(arguments: ["/dev/@connections", "/dev/@connections/abc", "/dev/@replay"])
    func `management is served by its own listener where it has one`(uri: String) {
        #expect(IncomingRequestTests.refusal(uri, .main, .same) == nil)
        #expect(IncomingRequestTests.refusal(uri, .main, .off) == 403)
        for (listener, admin) in IncomingRequestTests.apart {
            #expect(IncomingRequestTests.refusal(uri, .main, admin) == 403)
            #expect(IncomingRequestTests.refusal(uri, listener, admin) == nil)
        }
    }

    @Test func `the listener of management takes no handshakes, and health is told by all`() {
        for (listener, admin) in IncomingRequestTests.apart {
            #expect(IncomingRequestTests.refusal("/dev", .main, admin) == nil)
            #expect(IncomingRequestTests.refusal("/dev", listener, admin) == 403)
            for uri in ["/health", "/ready"] {
                #expect(IncomingRequestTests.refusal(uri, .main, admin) == nil)
                #expect(IncomingRequestTests.refusal(uri, listener, admin) == nil)
            }
        }
    }

    /// The status that a client hears before it sends the body.
    private static func interim(
        _ headers: [(String, String)], _ version: HTTPVersion = .http1_1, uri: String = "/dev/@connections"
    ) -> Int? {
        let head = HTTPRequestHead(version: version, method: .POST, uri: uri, headers: HTTPHeaders(headers))
        let request = IncomingRequest(head, for: RequestPurpose(of: head, stage: "dev", targetBytesMax: 64))
        switch request.interim(bytesMax: 10) {
        case .nothing: return nil
        case .proceed: return 100
        case .final(let reply): return Int(reply.status.code)
        }
    }

    @Test(
        arguments: [
            ([], "/dev/@connections", nil), ([("Expect", "")], "/dev/@connections", nil),
            ([("Expect", "100-continue")], "/dev/@connections", 100),
            ([("Expect", "100-Continue"), ("Expect", "100-continue")], "/dev/@connections", 100),
            ([("Expect", "100-continue")], "/dev", 100), ([("Expect", "100-continue")], "/nothing", 403),
            ([("Expect", "100-continue, other")], "/dev/@connections", 417), ([("Expect", "100")], "/nothing", 417),
        ] as [([(String, String)], String, Int?)])
    func `a client that expects to be told is told`(headers: [(String, String)], uri: String, status: Int?) {
        #expect(Self.interim(headers + [("Content-Length", "10")], uri: uri) == status)
        #expect(Self.interim(headers + [("Transfer-Encoding", "chunked")], uri: uri) == status)
        #expect(Self.interim(headers + [("Content-Length", "10")], .http1_0, uri: uri) == nil)
    }

    @Test func `a body that is too long is refused before it comes, and for none nobody waits`() {
        #expect(Self.interim([("Expect", "100-continue"), ("Content-Length", "11")]) == 413)
        #expect(Self.interim([("Content-Length", "11")]) == nil)
        #expect(Self.interim([("Expect", "100-continue"), ("Content-Length", "0")], uri: "/nothing") == nil)
        #expect(Self.interim([("Expect", "100-continue")]) == nil)
        #expect(Self.interim([("Expect", "x")]) == 417)
    }
}
