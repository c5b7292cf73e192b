import NIOHTTP1
import Testing

@testable import RepriseServer

@Suite struct AdminTokensTests {
    private static let operate = "operate-0123456789"
    private static let view = "view-0123456789abc"

    private static func tokens() throws -> AdminTokens {
        try AdminTokens(parsing: "# comment\r\n\r\n operate \(operate)\r\nview\t\(view)  \n#view nobody\n")
    }

    private static func credential(_ values: String...) throws -> AdminTokens.Credential {
        try tokens().credential(in: HTTPHeaders(values.map { ("Authorization", $0) }))
    }

    @Test func `finds the role of a token`() throws {
        #expect(try AdminTokensTests.credential("Bearer \(AdminTokensTests.operate)") == .role(.operate))
        #expect(try AdminTokensTests.credential("bEARER   \(AdminTokensTests.view)") == .role(.view))
    }

    @Test(arguments: [
        "Bearer", "Bearer ", "Bearer x", "Bearer operate-012345678", "Bearer operate-01234567890",
        "Bearer operate-012345678\u{0}", "Bearer Operate-0123456789", "Bearer operate-0123456789 x",
    ])
    func `finds no role of what is no token`(value: String) throws {
        #expect(try AdminTokensTests.credential(value) == .wrong)
    }

    @Test func `takes one token, and no other scheme for one`() throws {
        let right = "Bearer \(AdminTokensTests.operate)"
        #expect(try AdminTokensTests.credential(right, right) == .wrong)
        #expect(try AdminTokensTests.credential("Basic x", right) == .wrong)
        #expect(try AdminTokensTests.credential() == .absent)
        #expect(try AdminTokensTests.credential("Basic \(AdminTokensTests.operate)") == .absent)
        #expect(try AdminTokensTests.credential("Bearer\(AdminTokensTests.operate)") == .absent)
    }

    @Test(arguments: [
        "", "\n\n", "#operate operate-0123456789", "operate", "operate-0123456789", "admin operate-0123456789",
        "operate operate-0123456789 x", "operate 0123456789abcde", "operate operate-0123456789ä",
        "view operate-0123456789\noperate operate-0123456789",
    ])
    func `is nothing else`(text: String) {
        #expect(throws: AdminTokens.Problem.self) { try AdminTokens(parsing: text) }
    }

    @Test func `names the line of what is wrong, and not what stands there`() {
        let problem = #expect(throws: AdminTokens.Problem.self) {
            try AdminTokens(parsing: "\n# a\r\noperate secret\n")
        }
        #expect(problem?.reason.hasPrefix("line 3: ") == true)
        #expect(problem?.reason.contains("secret") == false)
    }

    @Test(arguments: [HTTPMethod.GET, .HEAD, .POST, .DELETE, .PUT, .OPTIONS, .RAW(value: "GET ")])
    func `who may look may only ask`(method: HTTPMethod) {
        let asks = method == .GET || method == .HEAD
        #expect(AdminTokens.Role.view.allows(method) == asks)
        #expect(AdminTokens.Role.read.allows(method) == asks)
        #expect(AdminTokens.Role.operate.allows(method))
    }
}
