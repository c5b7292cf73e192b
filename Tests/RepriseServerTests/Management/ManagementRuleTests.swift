import Foundation
import NIOCore
import NIOHTTP1
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct ManagementRuleTests {
    private static func head(_ headers: [(String, String)], _ version: HTTPVersion = .http1_1) -> HTTPRequestHead {
        HTTPRequestHead(version: version, method: .POST, uri: "/dev/@connections", headers: HTTPHeaders(headers))
    }

    /// The reason why a call is refused, from this machine unless an address says otherwise.
    private static func refusal(
        _ headers: [(String, String)], version: HTTPVersion = .http1_1, from address: String = "127.0.0.1",
        owner: SocketOwner = .trusted, isOpen: Bool = false, listener: Listener = .main
    ) throws -> String? {
        let rule = ManagementRule(isOpen: isOpen, domainNames: ["API.example"])
        let caller = ManagementRule.Caller(
            address: try SocketAddress(ipAddress: address, port: 50_000), listener: listener
        ) { owner }
        switch rule.refusal(of: head(headers, version), from: caller) {
        case .forbidden(let reason)?, .unauthorized(let reason)?: return reason
        case nil: return nil
        }
    }

    @Test(arguments: [
        "localhost", "localhost:8080", "LOCALHOST", "127.0.0.1:8080", "127.9.9.9", "[::1]:8080", "[::1]", "api.example",
        "Api.Example:443",
    ])
    func `takes a call that names this server`(host: String) throws {
        #expect(try ManagementRuleTests.refusal([("Host", host)]) == nil)
        #expect(try ManagementRuleTests.refusal([("Host", host)], from: "::1") == nil)
        #expect(try ManagementRuleTests.refusal([("Host", host), ("Origin", "http://\(host)")]) == nil)
    }

    @Test(arguments: [
        "evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil.example", "", ":8080", "[::1",
        "192.0.2.1", "[2001:db8::1]:8080", "api.example.evil.example",
    ])
    func `refuses a call that names another server`(host: String) throws {
        #expect(try ManagementRuleTests.refusal([("Host", host)])?.contains("--domain-name") == true)
    }

    @Test func `refuses a call that names no server, or two`() throws {
        #expect(try ManagementRuleTests.refusal([]) != nil)
        #expect(try ManagementRuleTests.refusal([("Host", "localhost"), ("Host", "localhost")]) != nil)
    }

    @Test(arguments: [
        "Forwarded", "forwarded", "X-Forwarded-For", "X-FORWARDED-PROTO", "X-Forwarded-Host", "X-Forwarded-Anything",
        "X-Real-IP", "Via",
    ])
    func `refuses what a proxy passes on`(header: String) throws {
        let headers = [("Host", "localhost"), (header, "192.0.2.1")]
        #expect(try ManagementRuleTests.refusal(headers)?.contains(header) == true)
        #expect(try ManagementRuleTests.refusal(headers, isOpen: true) == nil)
    }

    @Test func `refuses HTTP 1.0, which proxies speak that say nothing of themselves`() throws {
        #expect(try ManagementRuleTests.refusal([("Host", "localhost")], version: .http1_0) != nil)
    }

    @Test(arguments: ["192.0.2.1", "10.0.0.1", "2001:db8::1", "::ffff:10.0.0.1"])
    func `refuses callers elsewhere, unless it is open`(address: String) throws {
        let headers = [("Host", "localhost")]
        #expect(try ManagementRuleTests.refusal(headers, from: address)?.contains("--management-open") == true)
        #expect(try ManagementRuleTests.refusal(headers, from: address, isOpen: true) == nil)
        #expect(try ManagementRuleTests.refusal([("Host", "evil.example")], from: address, isOpen: true) == nil)
    }

    @Test(arguments: [SocketOwner.other(1000), .unknown])
    func `refuses other users of this machine, unless it is open`(owner: SocketOwner) throws {
        let headers = [("Host", "localhost")]
        #expect(try ManagementRuleTests.refusal(headers, owner: owner)?.contains("--management-open") == true)
        #expect(try ManagementRuleTests.refusal(headers, owner: owner, isOpen: true) == nil)
    }

    @Test(arguments: [
        ("Origin", "https://evil.example"), ("Origin", "null"), ("Origin", "http://localhost:9999"), ("Origin", ""),
        ("Origin", "http://localhost:8080/"), ("Origin", "file://localhost:8080"), ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"), ("Sec-Fetch-Site", ""),
    ])
    func `refuses pages of other origins, also when it is open`(header: String, value: String) throws {
        let headers = [("Host", "localhost:8080"), (header, value)]
        #expect(try ManagementRuleTests.refusal(headers) != nil)
        #expect(try ManagementRuleTests.refusal(headers, isOpen: true) != nil)
    }

    @Test func `refuses a page whose own name was made to mean this machine`() throws {
        let headers = [("Host", "evil.example"), ("Origin", "http://evil.example")]
        #expect(try ManagementRuleTests.refusal(headers) != nil)
        #expect(try ManagementRuleTests.refusal(headers, isOpen: true) != nil)
    }

    @Test func `takes what comes through the file, but from no page of another origin`() throws {
        let headers = [("Host", "evil.example"), ("X-Forwarded-For", "192.0.2.1")]
        func refusal(_ more: [(String, String)]) throws -> String? {
            try ManagementRuleTests.refusal(headers + more, version: .http1_0, owner: .unknown, listener: .adminFile)
        }
        #expect(try refusal([]) == nil)
        #expect(try refusal([("Origin", "http://evil.example")]) != nil)
        #expect(try refusal([("Sec-Fetch-Site", "cross-site")]) != nil)
        #expect(try ManagementRuleTests.refusal(headers, listener: .admin) != nil)
    }

    /// The status of a call to a server that has tokens.
    private static func status(
        _ method: HTTPMethod, _ headers: [(String, String)], from address: String = "192.0.2.1"
    ) throws -> UInt? {
        let folder = TemporaryFolder()
        let path = folder.path + "/tokens"
        let text = "operate operate-0123456789\nview view-0123456789abc\n"
        try #require(
            FileManager.default.createFile(
                atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
        let rule = ManagementRule(isOpen: false, domainNames: [], tokenFile: try AdminTokenFile(path))
        let head = HTTPRequestHead(
            version: .http1_1, method: method, uri: "/dev/@connections",
            headers: HTTPHeaders([("Host", "localhost")] + headers))
        let caller = ManagementRule.Caller(address: try SocketAddress(ipAddress: address, port: 50_000)) { .trusted }
        return rule.refusal(of: head, from: caller)?.reply.status.code
    }

    @Test func `a token lets callers in from everywhere, as far as its role goes`() throws {
        let operate = ("Authorization", "Bearer operate-0123456789")
        let view = ("Authorization", "Bearer view-0123456789abc")
        for method in [HTTPMethod.GET, .POST, .DELETE] {
            #expect(try ManagementRuleTests.status(method, [operate]) == nil)
            #expect(try ManagementRuleTests.status(method, [view]) == (method == .GET ? nil : 403))
            #expect(try ManagementRuleTests.status(method, []) == 401)
            #expect(try ManagementRuleTests.status(method, [], from: "127.0.0.1") == nil)
            #expect(try ManagementRuleTests.status(method, [("Authorization", "Bearer no")], from: "127.0.0.1") == 401)
            #expect(try ManagementRuleTests.status(method, [operate, ("Origin", "https://evil.example")]) == 403)
            #expect(try ManagementRuleTests.status(method, [operate, ("Sec-Fetch-Site", "cross-site")]) == 403)
        }
    }

    @Test(arguments: ["same-origin", "none"])
    func `takes what a browser says is not from another page`(site: String) throws {
        #expect(try ManagementRuleTests.refusal([("Host", "localhost"), ("Sec-Fetch-Site", site)]) == nil)
    }
}
