import NIOCore
import NIOHTTP1
import Testing

@testable import RepriseServer

@Suite struct AdmissionTests {
    private let gate = LogGate()
    private let count = ConnectionCount(limit: 2)

    private func admission(origins: [String] = [], connectsPerSecond: Int = 0) -> Admission {
        Admission(
            origins: OriginRule(origins), gate: gate, connectionCount: count,
            connectRate: SharedRateLimit(perSecond: connectsPerSecond))
    }

    private static func handshake(origin: String? = nil) -> HTTPRequestHead {
        var head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/dev",
            headers: [
                "Host": "localhost", "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
                "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            ])
        if let origin { head.headers.add(name: "Origin", value: origin) }
        return head
    }

    private static let moment = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    /// What is said to one that is refused; `nil` to one that is let in.
    private func refusal(
        of head: HTTPRequestHead = AdmissionTests.handshake(), by admission: Admission,
        now: NIODeadline = AdmissionTests.moment
    ) -> HTTPReply? {
        switch admission.decide(head, now: now) {
        case .admitted: nil
        case .refused(let reply): reply
        }
    }

    @Test func `a handshake that is let in has a place until it is given back`() {
        let admission = self.admission()
        #expect(refusal(by: admission)?.status == nil)
        #expect(refusal(by: admission)?.status == nil)
        #expect(count.now == 2)
        #expect(refusal(by: admission)?.body.contains("Too many connections\"") == true)
        #expect(count.now == 2)
        admission.leave()
        #expect(count.now == 1)
        #expect(refusal(by: admission)?.status == nil)
    }

    @Test func `whoever comes too fast has no place, and may come later`() {
        let admission = self.admission(connectsPerSecond: 1)
        #expect(refusal(by: admission)?.status == nil)
        admission.leave()
        #expect(refusal(by: admission)?.status == nil)
        #expect(refusal(by: admission)?.status == .tooManyRequests)
        #expect(count.now == 1)
        #expect(refusal(by: admission, now: AdmissionTests.moment + .milliseconds(2000))?.status == nil)
    }

    @Test func `whoever is refused for another reason uses nothing of the rate up`() {
        let admission = self.admission(origins: ["https://a"], connectsPerSecond: 1)
        let head = AdmissionTests.handshake(origin: "https://a")
        for _ in 0..<10 {
            let refused = refusal(of: AdmissionTests.handshake(origin: "https://b"), by: admission)
            #expect(refused?.status == .forbidden)
        }
        #expect(count.now == 0)
        for _ in 0..<2 { #expect(refusal(of: head, by: admission)?.status == nil) }
        for _ in 0..<10 { #expect(refusal(of: head, by: admission)?.status == .serviceUnavailable) }
        admission.leave()
        #expect(refusal(of: head, by: admission)?.status == .tooManyRequests)
        #expect(count.now == 1)
    }

    @Test func `the reasons come in an order, from what the client says to what the server has`() {
        var admission = self.admission(origins: ["https://a"], connectsPerSecond: 1)
        for _ in 0..<2 {
            #expect(refusal(of: AdmissionTests.handshake(origin: "https://a"), by: admission)?.status == nil)
        }
        gate.close(because: "the disk is full")
        admission.isStopping = true
        var head = AdmissionTests.handshake(origin: "https://b")
        head.method = .POST
        #expect(refusal(of: head, by: admission)?.status == .badRequest)
        head.method = .GET
        #expect(refusal(of: head, by: admission)?.body.contains("stopping") == true)
        admission.isStopping = false
        #expect(refusal(of: head, by: admission)?.status == .forbidden)
        head.headers.replaceOrAdd(name: "Origin", value: "https://a")
        #expect(refusal(of: head, by: admission)?.body.contains("the disk is full") == true)
        gate.open()
        #expect(refusal(of: head, by: admission)?.body.contains("Too many connections\"") == true)
        admission.leave()
        #expect(refusal(of: head, by: admission)?.body.contains("a second") == true)
        #expect(count.now == 1)
    }
}
