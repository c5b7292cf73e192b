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
}
