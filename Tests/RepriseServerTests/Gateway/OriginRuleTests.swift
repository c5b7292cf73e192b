import Testing

@testable import RepriseServer

@Suite struct OriginRuleTests {
    @Test func `without a list every page may connect`() {
        let rule = OriginRule([])
        #expect(rule.admits("https://evil.example") && rule.admits(nil) && rule.admits("null"))
    }

    @Test(arguments: [
        ("https://example.com", true), ("HTTPS://EXAMPLE.COM", true), ("http://example.com", false),
        ("https://example.com:444", false), ("https://example.com.evil.test", false), ("https://a.app.test", true),
        ("https://a.b.app.test", true), ("https://app.test", false), ("https://.app.test", false),
        ("https://evilapp.test", false), ("http://a.app.test", false), ("null", false), ("", false),
        ("http://localhost:3000", true), ("http://localhost:30000", false),
    ])
    func `a list admits what it names`(origin: String, isAdmitted: Bool) {
        let rule = OriginRule(["https://Example.com", "https://*.app.test", "http://localhost:3000"])
        #expect(rule.admits(origin) == isAdmitted)
        #expect(rule.admits(nil))
    }

    @Test func `a star admits every page`() {
        #expect(OriginRule(["*"]).admits("https://anything.example"))
    }

    @Test(arguments: [
        ("https://example.com", true), ("https://*.example.com", true), ("http://localhost:3000", true), ("*", true),
        ("null", true), ("example.com", false), ("https://", false), ("https://*", false), ("https://a.*.com", false),
        ("https://example.com:443", false), ("http://example.com:80", false), ("HTTP://example.com:80", false),
        ("http://example.com:443", true), ("https://exämple.com", false), ("https://xn--exmple-cua.com", true),
        ("https://[::1]:8443", true), ("https://a\"b", false), ("https://example.com/path", false),
        ("*://example.com", false), ("", false),
    ])
    func `what cannot be an origin is refused in the list`(text: String, isValid: Bool) {
        #expect(OriginRule.isValid(text) == isValid)
    }
}
