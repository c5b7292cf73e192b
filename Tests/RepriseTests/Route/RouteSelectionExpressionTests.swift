import NIOCore
import Testing

@testable import Reprise

@Suite struct RouteSelectionExpressionTests {
    private func value(_ expression: String, _ body: String) throws -> String? {
        try RouteSelectionExpression(expression).value(for: ByteBuffer(string: body).readableBytesSpan)
    }

    @Test(arguments: [
        ("$request.body.action", "join"), ("${request.body.action}", "join"), ("$request.body.data.room", "r1"),
        ("${request.body.service}/${request.body.action}", "chat/join"),
        ("${request.body.action}-${request.body.nope}", "join-"), ("action", "action"), (#"\$default"#, "$default"),
    ])
    func `the examples of the specification hold`(expression: String, expected: String) throws {
        let body = #"{"service":"chat","action":"join","data":{"room":"r1"}}"#
        #expect(try value(expression, body) == expected)
    }

    @Test(arguments: [
        (#""x""#, "x"), ("1", "1"), ("1.0", "1"), ("-0", "0"), ("1e21", "1e+21"), ("true", "true"), ("false", "false"),
        ("null", ""), (#"["a","b"]"#, "[a, b]"), ("[]", "[]"), ("[1,[null,true]]", "[1, [null, true]]"),
        (#"{"b":1,"a":"x","0":null}"#, "{0=null, b=1, a=x}"), (#""\u0061\n\"""#, "a\n\""), (#""""#, ""),
    ])
    func `values of every kind have a text`(json: String, expected: String) throws {
        #expect(try value("$request.body.action", #"{"action":\#(json)}"#) == expected)
        #expect(try value("<${request.body.action}>", #"{"action":\#(json)}"#) == "<\(expected)>")
        #expect(try value("$request.body.a.b", #"{"a":{"b":\#(json)}}"#) == expected)
    }

    @Test func `a missing path gives the empty string`() throws {
        let body = #"{"a":{"b":[1,2]},"s":"text"}"#
        for path in ["x", "a.x", "a.b.c", "s.x", "s[0]", "a.b[2]", "a[0]", "a.b[9999999999999]"] {
            #expect(try value("$request.body.\(path)", body)?.isEmpty == true, "\(path)")
        }
    }

    @Test func `paths reach into arrays and to odd names`() throws {
        let body = #"{"a":{"b":[10, {"odd name":"x", "d.e":"y"}]},"action":"longer than eight","long key name":"z"}"#
        #expect(try value("$request.body.a.b[0]", body) == "10")
        #expect(try value("$request.body.a.b[1]['odd name']", body) == "x")
        #expect(try value(#"${request.body.a["b"][1]["d.e"]}"#, body) == "y")
        #expect(try value("$request.body['long key name']", body) == "z")
    }

    @Test func `the last of several equal keys counts`() throws {
        let body = #"{"action":"a","act\u0069on":"b","x":{"y":1,"y":2}}"#
        #expect(try value("$request.body.action", body) == "b")
        #expect(try value("$request.body.x.y", body) == "2")
    }

    @Test func `values are not evaluated again`() throws {
        let body = #"{"action":"${request.body.other}","other":"x"}"#
        #expect(try value("${request.body.action}", body) == "${request.body.other}")
    }

    @Test func `escaped dollars and other backslashes stand for themselves`() throws {
        #expect(try value(#"a\b\${request.body.x}-${request.body.x}"#, #"{"x":1}"#) == #"a\b${request.body.x}-1"#)
    }

    @Test(arguments: ["", "[]", #""x""#, "{", "null", #"{"action":1}x"#])
    func `a body that is no object has no value`(body: String) throws {
        #expect(try value("$request.body.action", body) == nil)
        #expect(try value("static", body) == nil)
    }

    @Test(
        arguments: [
            ("", .empty), ("a$b", .loneDollar), ("a$", .loneDollar), ("$", .loneDollar),
            ("${request.body.a", .unclosedBrace),
            ("$context.routeKey", .unknownVariable("context.routeKey")),
            ("${request.header.x}", .unknownVariable("request.header.x")),
            ("$request.bodyaction", .unknownVariable("request.bodyaction")),
            ("$request.body", .invalidPath("request.body")),
            ("$request.body.", .invalidPath("request.body.")),
            ("$request.body.a..b", .invalidPath("request.body.a..b")),
            ("$request.body.*", .invalidPath("request.body.*")),
            ("$request.body.a[*]", .invalidPath("request.body.a[*]")),
            ("$request.body.a[-1]", .invalidPath("request.body.a[-1]")),
            ("$request.body.a[0", .invalidPath("request.body.a[0")),
            ("$request.body.a[0]b", .invalidPath("request.body.a[0]b")),
            ("$request.body.a['']", .invalidPath("request.body.a['']")),
            ("$request.body.a/$request.body.b", .invalidPath("request.body.a/$request.body.b")),
        ] as [(String, RouteTableError.ExpressionProblem)])
    func `what cannot be read is refused with a reason`(text: String, problem: RouteTableError.ExpressionProblem) {
        let expected = RouteTableError.invalidExpression(text, problem: problem)
        #expect(throws: expected) { try RouteSelectionExpression(text) }
        #expect(expected.description.contains("'\(text)'"))
        #expect(expected.description.hasSuffix("."))
    }

    @Test func `the default is what its text parses to`() throws {
        #expect(try RouteSelectionExpression("$request.body.action") == .default)
        #expect(RouteSelectionExpression.default.description == "$request.body.action")
    }
}
