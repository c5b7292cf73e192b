import Reprise
import RepriseTesting
import Testing

@Suite struct TokenTests {
    @Test func `the text of a token is read back as the same token`() {
        var random = SeededGenerator(seed: 11)
        var failures = 0
        for _ in 0..<100_000 {
            let token = Token(using: &random)
            let text = token.text
            let (first, second) = token.ascii
            let bytes = [first, second].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) } }
            if Token(text: text) != token || Array(text.utf8) != bytes || text.hasPrefix("-") { failures += 1 }
        }
        #expect(failures == 0)
    }

    @Test func `the text is base64url with padding`() {
        #expect(Token(high: 0, low: 0).text == "AAAAAAAAAAAAAAA=")
        #expect(Token(high: .max, low: .max).text == "_______________".dropLast() + "8=")
        // python3 -c "import base64; print(base64.urlsafe_b64encode(bytes(range(1, 12))))"
        #expect(Token(high: 0x0102_0304_0506_0708, low: 0x090A0B).text == "AQIDBAUGBwgJCgs=")
    }

    @Test(arguments: [
        "", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAA==", "AAAAAAAAAAAAAAB=", "AAAAAAAAAAAAAA+=",
        "AAAAAAAAAAAAAA/=", "AAAA AAAAAAAAAA=", "ÄAAAAAAAAAAAAA=", "AAAAAAAAAAAAAA==",
    ])
    func `a text that is not the canonical one of 11 bytes is refused`(text: String) {
        #expect(Token(text: text) == nil)
    }

    @Test func `tokens sort as their bytes`() {
        let tokens = [Token(high: 2, low: 0), Token(high: 1, low: 9), Token(high: 1, low: 1)]
        #expect(tokens.sorted() == tokens.reversed())
    }
}
