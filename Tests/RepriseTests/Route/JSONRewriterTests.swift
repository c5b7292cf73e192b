import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct JSONRewriterTests {
    /// What the fast path makes of a value, and what the parser does.
    private static func canonical(_ value: String) throws -> (rewritten: String, parsed: String) {
        let body = ByteBuffer(string: #"{"action":"onMessage","data":\#(value)}"#)
        var (rewritten, parsed) = (ByteBuffer(), ByteBuffer())
        try #require(CanonicalJSON.appendData(of: body.readableBytesSpan, to: &rewritten), "\(value)")
        try #require(CanonicalJSON.appendData(of: body.readableBytesSpan, to: &parsed, usesFastPath: false))
        return (String(buffer: rewritten), String(buffer: parsed))
    }

    @Test(arguments: [
        ("1.0", "1"), ("-1.50", "-1.5"), ("1e2", "100"), ("1E+2", "100"), ("12.5e-1", "1.25"), ("-0", "0"),
        ("-0.0e5", "0"),
        ("100e-2", "1"), ("0.0000010", "0.000001"), ("1e-7", "1e-7"), ("0.00000012", "1.2e-7"), ("1e21", "1e+21"),
        ("123e20", "1.23e+22"), ("1e20", "100000000000000000000"), ("0.1e21", "100000000000000000000"),
        ("123456789012345e-20", "0.00000123456789012345"), ("1e400", "null"), ("-1e400", "null"), ("1e-400", "0"),
        ("1e99999999999999999999", "null"), ("0e99999999999999999999", "0"), ("1e300", "1e+300"), ("1e-300", "1e-300"),
        ("0.1000000000000000055511151231257827", "0.1"), ("9007199254740993", "9007199254740992"),
        ("5e-324", "5e-324"), ("1000000000000000000000", "1e+21"), ("0.84147098480789650", "0.8414709848078965"),
    ])
    func `numbers are written as JavaScript does`(written: String, expected: String) throws {
        let both = try JSONRewriterTests.canonical("[\(written)]")
        #expect(both.rewritten == "[\(expected)]")
        #expect(both.parsed == both.rewritten)
    }

    @Test(arguments: [
        (#"{"b":1,"a":2,"b":3}"#, #"{"b":3,"a":2}"#),
        (
            #"{"b":1,"10":2,"9":3,"a":4,"010":5,"4294967294":6,"4294967295":7}"#,
            #"{"9":3,"10":2,"4294967294":6,"b":1,"a":4,"010":5,"4294967295":7}"#
        ),
        (
            #"{"":1,"x":{"2":[1.0],"1":{"k":1,"k":{"1":0,"0":1}}},"":2}"#,
            #"{"":2,"x":{"1":{"k":{"0":1,"1":0}},"2":[1]}}"#
        ),
        (#"{"a":1,"\u0061":2.0}"#, #"{"a":2}"#),
        (#"{"\/":1,"/":2}"#, #"{"/":2}"#),
        (#"{"1":1.0,"1":{"a" : 1}}"#, #"{"1":{"a":1}}"#),
        (#"{ "\ud83d\ude00" : "\ud83d" , "😀" : "\ude00\ud83d\ude00" }"#, #"{"😀":"\ude00😀"}"#),
        (
            #"["\u0000\u001f\u0008\u0009\u000a\u000c\u000d\u0022\u005c\u007f\u00e9\u20AC\ud800\/"]"#,
            #"["\u0000\u001f\b\t\n\f\r\"\\\#u{7F}é€\ud800/"]"#
        ),
    ])
    func `members and strings are written as JavaScript does`(written: String, expected: String) throws {
        let both = try JSONRewriterTests.canonical(written)
        #expect(both.rewritten == expected)
        #expect(both.parsed == both.rewritten)
    }

    @Test func `many keys, equal and indexed ones among them, are put in order`() throws {
        let members = (0..<400).map { #""\#($0 % 7 == 0 ? "k\($0 % 91)" : "\(399 - $0 % 300)")":\#($0).0"# }
        let both = try JSONRewriterTests.canonical("{\(members.joined(separator: " , "))}")
        #expect(both.parsed == both.rewritten)
    }

    /// A seed is a text: the rewriter and the parser have nothing in common but the rules.
    @Test(arguments: 1...60)
    func `any text is written as the parser's value is`(seed: UInt64) throws {
        var text = RandomJSON(seed: seed)
        for _ in 0..<50 {
            let value = text.value(depth: 0)
            let both = try JSONRewriterTests.canonical(value)
            #expect(both.rewritten == both.parsed, "\(value)")
        }
    }
}

/// Values with everything that is not canonical.
private struct RandomJSON {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    private mutating func any(_ choices: [String]) -> String { choices.randomElement(using: &random) ?? "" }

    private mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    private mutating func space() -> String { number(0...3) == 0 ? any([" ", "\n", "\t\r", "   "]) : "" }

    mutating func value(depth: Int) -> String {
        switch number(0...(depth < 5 ? 9 : 5)) {
        case 0: any(["true", "false", "null"])
        case 1...3: numeral()
        case 4...5: string()
        case 6...7:
            "[" + space()
                + (0..<number(0...4)).map { _ in value(depth: depth + 1) + space() }
                .joined(separator: "," + space()) + "]"
        default:
            "{" + space()
                + (0..<number(0...(depth == 0 ? 40 : 5))).map { _ in
                    string() + space() + ":" + space() + value(depth: depth + 1) + space()
                }.joined(separator: "," + space()) + "}"
        }
    }

    private mutating func numeral() -> String {
        let whole = any(["0", "1", "10", "120", "\(number(1...999_999))", "\(number(1...Int.max))"])
        let fraction = any(["", "", ".0", ".5", ".50", ".000001", ".0000001", ".\(number(0...99_999_999))"])
        let exponent = any(["", "", "", "e0", "E5", "e-5", "e+20", "e21", "e-7", "e308", "e-320", "e400"])
        return any(["", "-"]) + whole + fraction + exponent
    }

    private mutating func string() -> String {
        let parts = [
            "a", "b", "key", "0", "1", "42", "é", "😀", #"\n"#, #"\""#, #"\/"#, #"\u0061"#, #"\u0031"#, #"\u001F"#,
            #"\ud83d\ude00"#, #"\uD83D"#, #"\ude00"#, #"\u000a"#, "long enough to need words",
        ]
        return "\"" + (0..<number(0...3)).map { _ in any(parts) }.joined() + "\""
    }
}
