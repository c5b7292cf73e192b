import Testing

@testable import RepriseServer

@Suite struct AdminAddressTests {
    @Test(arguments: [
        ("same", AdminAddress.same), ("off", .off), ("127.0.0.1:9001", .port(host: "127.0.0.1", port: 9001)),
        ("localhost:0", .port(host: "localhost", port: 0)), ("[::1]:65535", .port(host: "::1", port: 65_535)),
        ("unix:/run/a b.sock", .file(path: "/run/a b.sock")), ("unix:a:1", .file(path: "a:1")),
    ])
    func `is read and printed in one form`(text: String, address: AdminAddress) {
        #expect(AdminAddress(text) == address)
        #expect(address.description == text)
    }

    @Test(arguments: [
        "", "Same", "on", "9001", ":9001", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "a:+1",
        "::1:1",
        "[::1]", "[::1", "[1]:1", "a b:1", "unix:", "http://a:1",
    ])
    func `is nothing else`(text: String) {
        #expect(AdminAddress(text) == nil)
    }

    @Test(arguments: ["same", "off", "unix:/a", "127.0.0.1:1", "127.8.8.8:1", "localhost:1", "LOCALHOST:1", "[::1]:1"])
    func `stays within the machine`(text: String) {
        #expect(AdminAddress(text)?.isReachableFromElsewhere == false)
    }

    @Test(arguments: [
        "0.0.0.0:1", "[::]:1", "192.0.2.1:1", "10.0.0.1:1", "[2001:db8::1]:1", "example.com:1", "127.1:1",
    ])
    func `may be reached from other machines`(text: String) {
        #expect(AdminAddress(text)?.isReachableFromElsewhere == true)
    }
}
