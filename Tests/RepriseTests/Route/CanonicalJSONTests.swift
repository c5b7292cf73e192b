import Foundation
import NIOCore
import Testing

@testable import Reprise

/// `data` as V8 writes it: see `tools/json-cases.mjs`, which made the golden file.
@Suite struct CanonicalJSONTests {
    struct GoldenCase: Decodable {
        var body: Data
        var text: Data?
        var why: String?
    }

    static func goldenCases() throws -> [GoldenCase] {
        let url = try #require(
            Bundle.module.url(forResource: "json-stringify", withExtension: "jsonl", subdirectory: "Golden"))
        return try String(decoding: Data(contentsOf: url), as: UTF8.self).split(separator: "\n").map {
            try JSONDecoder().decode(GoldenCase.self, from: Data($0.utf8))
        }
    }

    static func canonical(_ body: some Sequence<UInt8>, usesFastPath: Bool = true) -> String? {
        var output = ByteBuffer()
        let found = CanonicalJSON.appendData(
            of: ByteBuffer(bytes: body).readableBytesSpan, to: &output, usesFastPath: usesFastPath)
        return found ? String(buffer: output) : nil
    }

    @Test(arguments: [true, false])
    func `every golden body gives the text a JavaScript engine gave`(usesFastPath: Bool) throws {
        let cases = try Self.goldenCases()
        #expect(cases.count > 5000)
        for golden in cases {
            let body = String(decoding: golden.body, as: UTF8.self)
            let expected = golden.text.map { String(decoding: $0, as: UTF8.self) }
            let actual = Self.canonical(golden.body, usesFastPath: usesFastPath)
            // Byte by byte: `==` on strings would take two spellings of one accent for equal.
            if actual.map({ Array($0.utf8) }) != golden.text.map({ Array($0) }) {
                Issue.record("\(body.debugDescription): \(actual ?? "nil") instead of \(expected ?? "nil")")
            }
            let isObject = JSONBody(ByteBuffer(bytes: golden.body).readableBytesSpan, selecting: .none) != nil
            #expect(isObject == (golden.text != nil || golden.why == "noData"), "\(body)")
        }
    }

    @Test func `text that is called canonical is its own canonical text`() throws {
        var counts: [JSONForm: Int] = [:]
        for golden in try Self.goldenCases() {
            guard let text = golden.text else { continue }
            let body = ByteBuffer(bytes: golden.body)
            let data = try #require(JSONBody(body.readableBytesSpan, selecting: .none)?.data)
            counts[data.form, default: 0] += 1
            let slice = golden.body.dropFirst(data.start).prefix(data.end - data.start)
            if data.form == .canonical { #expect(slice == text) }
        }
        #expect(counts.count == 3)
    }

    @Test(arguments: [
        #""plain text, é and 😀""#, #""escapes \" \\ \b\f\n\r\t""#, "0", "-1", "123456789012345", "0.5", "-0.000001",
        "true",
        "null", #"{"user":"a","nested":{"user":[1,2.25,{}]},"3f":0}"#, "[]",
    ])
    func `what clients usually send takes the fast path`(text: String) throws {
        let body = ByteBuffer(string: #"{"data":\#(text)}"#)
        let data = try #require(JSONBody(body.readableBytesSpan, selecting: .none)?.data)
        #expect(data.form == .canonical)
    }

    @Test(arguments: [
        #"{"a":1,"a":2}"#, #"{"b":1,"1":2}"#, "-0", "1.0", "1e2", "1234567890123456", "0.0000001", #""\/""#,
        #""\u0041""#,
        #"{"abcdefghij":1,"b":2,"abcdefghij":3}"#, #"{"":1}"#,
    ])
    func `what may have to change does not take the fast path`(text: String) throws {
        let body = ByteBuffer(string: #"{"data":\#(text)}"#)
        let data = try #require(JSONBody(body.readableBytesSpan, selecting: .none)?.data)
        #expect(data.form == .other)
    }

    @Test(arguments: 1...40)
    func `a repeated key is noticed wherever it stands`(count: Int) {
        for repeated in 0..<count {
            let members = (0..<count).map { #""k\#($0)":0"# } + [#""k\#(repeated)":1"#]
            let body = #"{"data":{\#(members.joined(separator: ","))}}"#
            let expected = (0..<count).map { #""k\#($0)":\#($0 == repeated ? 1 : 0)"# }.joined(separator: ",")
            #expect(Self.canonical(body.utf8) == "{\(expected)}")
        }
    }

    @Test(arguments: [true, false], [("[", "]"), (#"{"a":"#, "}"), ("[ ", " ]")])
    func `nesting is allowed up to the limit and not beyond`(usesFastPath: Bool, pair: (String, String)) {
        func body(depth: Int) -> String {
            let inner = String(repeating: pair.0, count: depth - 1) + "1" + String(repeating: pair.1, count: depth - 1)
            return #"{"data":\#(inner)}"#
        }
        let limit = CanonicalJSON.nestingLimit
        #expect(Self.canonical(body(depth: limit).utf8, usesFastPath: usesFastPath) != nil)
        #expect(Self.canonical(body(depth: limit + 1).utf8, usesFastPath: usesFastPath) == nil)
        let endless = #"{"data":"# + String(repeating: pair.0, count: 100_000)
        #expect(Self.canonical(endless.utf8, usesFastPath: usesFastPath) == nil)
    }

    @Test func `a body cut short anywhere is not JSON`() {
        let body = Array(#"{"action":"a\n","data":{"k":[1,2.5e1,true,null,"\u00e9é"]}}"#.utf8)
        #expect(Self.canonical(body) == #"{"k":[1,25,true,null,"éé"]}"#)
        for count in 0..<body.count {
            #expect(Self.canonical(body.prefix(count)) == nil, "\(count) bytes")
            #expect(Self.canonical(body.prefix(count), usesFastPath: false) == nil, "\(count) bytes")
        }
    }

    @Test func `bytes that are no UTF-8 are never a trap`() {
        for first in UInt8.min...UInt8.max {
            for second in [0x00, 0x22, 0x5C, 0x80, 0xED, 0xFF] as [UInt8] {
                let body = Array(#"{"data":["\/"#.utf8) + [first, second] + Array(#""]}"#.utf8)
                #expect(Self.canonical(body) == Self.canonical(body, usesFastPath: false))
            }
        }
    }

    @Test func `text is appended after what is there`() {
        var output = ByteBuffer(string: "before ")
        let found = CanonicalJSON.appendData(
            of: ByteBuffer(string: #"{"data": [1, 2]}"#).readableBytesSpan, to: &output)
        #expect(found)
        #expect(!CanonicalJSON.appendData(of: ByteBuffer(string: "{}").readableBytesSpan, to: &output))
        #expect(String(buffer: output) == "before [1,2]")
    }
}
