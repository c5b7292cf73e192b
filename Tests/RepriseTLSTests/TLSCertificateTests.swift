import RepriseTesting
import Testing

@testable import RepriseTLS

@Suite struct `A certificate` {
    @Test func `may come with others, and with text between them`() throws {
        let chain = "subject=one\n" + TestCertificate.one + "\nissuer=two\n" + TestCertificate.two
        _ = try TestCertificate.load(chain)
    }

    @Test(arguments: [
        "", "no certificate", TestCertificate.keyOfOne, TestCertificate.one.replacing("MIIB", with: "MIIC"),
    ])
    func `must be one`(_ text: String) {
        #expect(throws: TLSError.noCertificate) { try TestCertificate.load(text) }
    }

    @Test func `must be whole to the last of its chain`() {
        let broken = TestCertificate.two.replacing("MIIB", with: "MIIC")
        #expect(throws: TLSError.noCertificate) { try TestCertificate.load(TestCertificate.one + "\n" + broken) }
    }

    @Test(arguments: ["", "no key", TestCertificate.one]) func `needs a key`(_ text: String) {
        #expect(throws: TLSError.noKey) { try TestCertificate.load(key: text) }
    }

    @Test func `needs its own key`() {
        #expect(throws: TLSError.foreignKey) { try TestCertificate.load(key: TestCertificate.keyOfTwo) }
    }

    @Test func `is looked for where it is said to be`() {
        #expect(throws: TLSError.noCertificate) {
            try TLSCertificate(chainPath: "/nowhere/chain", keyPath: "/nowhere/key")
        }
    }
}
