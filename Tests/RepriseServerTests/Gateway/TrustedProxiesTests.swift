import Testing

@testable import RepriseServer

@Suite struct TrustedProxiesTests {
    private static func source(
        _ trusted: [String], peer: String = "127.0.0.1", _ fields: String...
    ) throws -> String {
        try #require(TrustedProxies(trusted)).source(peer: peer, fields: fields)
    }

    @Test(arguments: [
        "", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8/8", "10.0.0", "010.0.0.1", "::1/129",
        "localhost", "10.0.0.1:80", "[::1]", "fe80::1%eth0", " 10.0.0.1", "unix", "/8", "10.0.0.0/99999999999999999999",
    ])
    func `are addresses, and nothing else`(text: String) {
        #expect(TrustedProxies([text]) == nil)
        #expect(TrustedProxies(["::1", text]) == nil)
    }

    @Test(arguments: ["10.0.0.0/8", "10.1.2.3", "0.0.0.0/0", "10.0.0.0/32", "::1", "2001:db8::/32", "::/0", "::1/128"])
    func `are printed as they are read`(text: String) {
        #expect(TrustedProxies([text])?.description == text)
        #expect(TrustedProxies([text, "::1"])?.description == "\(text),::1")
    }

    @Test func `without one nobody is believed`() throws {
        #expect(TrustedProxies().source(peer: "127.0.0.1", fields: ["198.51.100.7"]) == "127.0.0.1")
        #expect(TrustedProxies().source(peer: "", fields: ["198.51.100.7"]) == "")
        #expect(try TrustedProxiesTests.source([], "198.51.100.7") == "127.0.0.1")
    }

    @Test func `who is no trusted proxy is not believed`() throws {
        #expect(try TrustedProxiesTests.source(["10.0.0.0/8"], "198.51.100.7") == "127.0.0.1")
        #expect(try TrustedProxiesTests.source(["10.0.0.0/8"], peer: "11.0.0.1", "198.51.100.7") == "11.0.0.1")
        #expect(try TrustedProxiesTests.source(["10.0.0.0/8"], peer: "", "198.51.100.7") == "")
        #expect(try TrustedProxiesTests.source(["::1"], peer: "::2", "198.51.100.7") == "::2")
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("127.0.0.1/32", "127.0.0.1"), ("127.0.0.0/8", "127.9.9.9"), ("::1", "::1"),
        ("127.0.0.1", "::ffff:127.0.0.1"), ("::ffff:127.0.0.1", "127.0.0.1"), ("2001:db8::/33", "2001:db8:7fff::1"),
        ("0.0.0.0/0", "203.0.113.9"), ("::/0", "2001:db8::1"), ("10.1.2.3/8", "10.9.9.9"),
    ])
    func `who is in a range is believed`(range: String, peer: String) throws {
        #expect(try TrustedProxiesTests.source([range], peer: peer, "198.51.100.7") == "198.51.100.7")
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.2"), ("10.0.0.0/9", "10.128.0.0"), ("0.0.0.0/0", "2001:db8::1"), ("::1", "127.0.0.1"),
        ("2001:db8::/33", "2001:db8:8000::1"), ("::/96", "127.0.0.1"),
    ])
    func `who is beside a range is not`(range: String, peer: String) throws {
        #expect(try TrustedProxiesTests.source([range], peer: peer, "198.51.100.7") == peer)
    }

    @Test func `the last entry counts that no trusted proxy has for its own`() throws {
        let trusted = ["127.0.0.1", "10.0.0.0/8"]
        #expect(try TrustedProxiesTests.source(trusted, "1.1.1.1, 198.51.100.7") == "198.51.100.7")
        #expect(try TrustedProxiesTests.source(trusted, "1.1.1.1,198.51.100.7 ,\t10.0.0.1, 10.0.0.2") == "198.51.100.7")
        #expect(try TrustedProxiesTests.source(trusted, "1.1.1.1", "198.51.100.7, 10.0.0.1") == "198.51.100.7")
        #expect(try TrustedProxiesTests.source(trusted, "198.51.100.7", "10.0.0.1") == "198.51.100.7")
        #expect(try TrustedProxiesTests.source(trusted, "10.0.0.3, 10.0.0.1") == "10.0.0.3")
        #expect(try TrustedProxiesTests.source(trusted) == "127.0.0.1")
    }

    @Test(arguments: [
        "unknown", "_hidden", "", "for=1.1.1.1", "1.1.1", "01.1.1.1", "1.1.1.1.1", "fe80::1%eth0", "1.1.1.1:x",
    ])
    func `what is no address ends the walk`(entry: String) throws {
        let trusted = ["127.0.0.1", "10.0.0.0/8"]
        #expect(try TrustedProxiesTests.source(trusted, entry) == "127.0.0.1")
        #expect(try TrustedProxiesTests.source(trusted, "198.51.100.7, \(entry)") == "127.0.0.1")
        #expect(try TrustedProxiesTests.source(trusted, "198.51.100.7, \(entry), 10.0.0.1") == "10.0.0.1")
        #expect(try TrustedProxiesTests.source(trusted, "\(entry), 198.51.100.7") == "198.51.100.7")
    }

    @Test(arguments: [
        ("198.51.100.7:50000", "198.51.100.7"), ("[2001:DB8::1]:443", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
    ])
    func `an address is taken in each form that proxies write`(entry: String, source: String) throws {
        #expect(try TrustedProxiesTests.source(["127.0.0.1"], "1.1.1.1, \(entry)") == source)
    }
}
