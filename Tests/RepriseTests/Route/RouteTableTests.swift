import NIOCore
import Testing

@testable import Reprise

@Suite struct RouteTableTests {
    private func table(_ routes: String..., expression: String = "$request.body.action") throws -> RouteTable {
        try RouteTable(
            selectionExpression: RouteSelectionExpression(expression), routes: routes.map { try Route(parsing: $0) })
    }

    private func decide(_ table: RouteTable, _ body: String, isText: Bool = true) -> RouteDecision {
        let buffer = ByteBuffer(string: body)
        let decision = table.decide(buffer.readableBytesSpan, isText: isText)
        #expect(table.match(buffer.readableBytesSpan, isText: isText).decision == decision)
        return decision
    }

    /// The payload, which a recorded route finds in the same place; nil if the message is refused.
    private func payload(_ table: RouteTable, _ body: String, isText: Bool = true) -> String? {
        let buffer = ByteBuffer(string: body)
        var byMatch = ByteBuffer()
        let match = table.match(buffer.readableBytesSpan, isText: isText)
        table.appendPayload(of: match, body: buffer.readableBytesSpan, to: &byMatch)
        guard case .route(let route) = decide(table, body, isText: isText) else {
            #expect(byMatch.readableBytes == 0)
            return nil
        }
        let recorded = table.match(buffer.readableBytesSpan, recorded: table.routes[route].key)
        #expect(recorded == match)
        return String(buffer: byMatch)
    }

    @Test func `the default table broadcasts the data of onMessage`() {
        #expect(RouteTable.default.routes.map(\.description) == ["onMessage=broadcast:data"])
        #expect(payload(.default, #"{"action":"onMessage","data":"hi"}"#) == #""hi""#)
        #expect(
            payload(.default, #"{"data": {"b": 1.0, "1": "\u0041"}, "action": "onMessage"}"#) == #"{"1":"A","b":1}"#)
        #expect(payload(.default, #"{"action":"\u006fnMessage","data":null}"#) == "null")
    }

    @Test(arguments: [
        "", "hello", "{}", #"{"data":1}"#, #"{"action":"onmessage","data":1}"#, #"{"action":"","data":1}"#,
        #"{"action":"$connect","data":1}"#, #"{"action":"$disconnect","data":1}"#,
        #"{"action":["onMessage"],"data":1}"#,
        #"{"action":"onMessage","data":1"#, #"{"action":"onMessage","action":"x","data":1}"#, #"{"action":null}"#,
    ])
    func `without a default route what matches nothing is forbidden`(body: String) throws {
        #expect(decide(.default, body) == .refused(.forbidden))
        let listed = try table("$connect=echo", "$disconnect=echo", "onMessage=broadcast", "$default=echo")
        #expect(decide(listed, body) == .route(3))
        #expect(payload(listed, body) == body)
    }

    @Test func `binary messages see only the default route`() throws {
        let body = #"{"action":"onMessage","data":1}"#
        #expect(decide(.default, body, isText: false) == .refused(.forbidden))
        let echoing = try table("onMessage=broadcast", "$default=broadcast:message")
        #expect(payload(echoing, body, isText: false) == body)
        #expect(decide(try table("$default=broadcast:data"), body, isText: false) == .refused(.badRequestBody))
    }

    @Test func `a route that wants data refuses bodies without it`() throws {
        #expect(decide(.default, #"{"action":"onMessage"}"#) == .refused(.badRequestBody))
        #expect(decide(.default, #"{"action":"onMessage","data":null}"#) == .route(0))
        let fallback = try table("a=echo", "$default=broadcast")
        #expect(decide(fallback, "hello") == .refused(.badRequestBody))
        #expect(decide(fallback, #"{"action":"zzz"}"#) == .refused(.badRequestBody))
        #expect(payload(fallback, #"{"action":"zzz","data":[1, 2]}"#) == "[1,2]")
        #expect(decide(fallback, #"{"action":"a"}"#) == .route(0))
    }

    @Test(arguments: ["[1, 2]", " 3 ", "null", "true", #""text""#, "[]"])
    func `JSON that is no object is a bad request body, unless there is a default route`(body: String) throws {
        #expect(decide(.default, body) == .refused(.badRequestBody))
        #expect(decide(try table("$default=echo"), body) == .route(0))
        #expect(decide(.default, body + "x") == .refused(.forbidden))
    }

    @Test func `a message is taken byte for byte`() throws {
        let body = "{ \"action\" : \"a\" , \"data\":1.0 }\n"
        #expect(payload(try table("a=broadcast:message"), body) == body)
        #expect(payload(try table("a=echo:data"), body) == "1")
    }

    @Test func `keys of every kind are compared exactly`() throws {
        let routes = try table(
            "1=echo", "true=echo", "[a, b]=echo", "e\u{301}=echo", "é=echo", "a much longer key=echo")
        let actions = ["1.0", "true", #"["a","b"]"#, "\"e\u{301}\"", #""\u00e9""#, #""a much longer key""#]
        for (index, action) in actions.enumerated() {
            #expect(decide(routes, #"{"action":\#(action)}"#) == .route(index))
        }
        #expect(decide(routes, #"{"action":"a much longer kez"}"#) == .refused(.forbidden))
    }

    @Test func `the selecting member may be data itself`() throws {
        let routes = try table("x=broadcast", expression: "$request.body.data")
        #expect(payload(routes, #"{"data":"x"}"#) == #""x""#)
        let nested = try table("x/1=broadcast", expression: "${request.body.data.t}/${request.body.n}")
        #expect(payload(nested, #"{"n":1.0,"data":{"t":"x"}}"#) == #"{"t":"x"}"#)
    }

    @Test func `a static expression still wants a JSON object`() throws {
        let routes = try table("all=echo", "$default=broadcast:message", expression: "all")
        #expect(decide(routes, "{}") == .route(0))
        #expect(decide(routes, "hello") == .route(1))
        #expect(decide(try table("$default=echo", expression: #"\$default"#), "{}") == .route(0))
    }

    @Test func `a recorded route that does not fit the body has no payload`() throws {
        let body = ByteBuffer(string: "{}")
        let found = RouteTable.default.match(body.readableBytesSpan, recorded: "onMessage")
        let match = try #require(found)
        var output = ByteBuffer()
        RouteTable.default.appendPayload(of: match, body: body.readableBytesSpan, to: &output)
        #expect(match.decision == .route(0))
        #expect(output.readableBytes == 0)
        let other = RouteTable.default.match(body.readableBytesSpan, recorded: "other")
        #expect(other == nil)
    }

    @Test func `a decision agrees with what was recorded by the bytes of the key`() throws {
        let routes = try table("\u{E9}=echo", "e\u{301}=echo")
        #expect(routes.agrees(.route(0), with: .route("\u{E9}")))
        #expect(!routes.agrees(.route(0), with: .route("e\u{301}")))
        #expect(routes.agrees(.route(1), with: .route("e\u{301}")))
        #expect(routes.agrees(.refused(.forbidden), with: .refused(.forbidden)))
        #expect(!routes.agrees(.refused(.forbidden), with: .refused(.badRequestBody)))
        #expect(!routes.agrees(.refused(.forbidden), with: .route("\u{E9}")))
    }

    @Test func `tables that cannot work are refused with a remedy`() throws {
        let echo = RouteAction.reply(.message)
        func make(_ keys: String...) throws -> RouteTable {
            try RouteTable(selectionExpression: .default, routes: keys.map { Route(key: $0, action: echo) })
        }
        #expect(throws: RouteTableError.emptyKey) { try make("a", "") }
        #expect(throws: RouteTableError.duplicateKey("a")) { try make("a", "b", "a") }
        #expect(throws: RouteTableError.reservedKey("$other")) { try make("$other") }
        #expect(try make("$default", "$connect", "$disconnect", "e\u{301}", "é").routes.count == 5)
        #expect(try make().routes.isEmpty)
        #expect(try make("é") != make("e\u{301}"))
        #expect(RouteTableError.reservedKey("$other").description.contains("$default"))
        #expect(RouteTableError.duplicateKey("a").description.contains("'a'"))
        #expect(RouteTableError.emptyKey.description.contains("$default=ACTION"))
    }

    @Test(arguments: [
        ("onMessage=broadcast", Route(key: "onMessage", action: .broadcast(.data))),
        ("a=broadcast:data", Route(key: "a", action: .broadcast(.data))),
        ("a=broadcast:message", Route(key: "a", action: .broadcast(.message))),
        ("a=echo", Route(key: "a", action: .reply(.message))), ("a=echo:data", Route(key: "a", action: .reply(.data))),
        ("a=b=echo:message", Route(key: "a=b", action: .reply(.message))),
        ("$default=echo", Route(key: "$default", action: .reply(.message))),
        ("a=record", Route(key: "a", action: .record)),
    ])
    func `routes are read from text and written so that they read back`(text: String, route: Route) throws {
        #expect(try Route(parsing: text) == route)
        #expect(try Route(parsing: route.description) == route)
    }

    @Test func `texts that are no routes are refused with a remedy`() {
        #expect(throws: RouteTableError.routeWithoutAction("onMessage")) { try Route(parsing: "onMessage") }
        #expect(throws: RouteTableError.emptyKey) { try Route(parsing: "=echo") }
        #expect(throws: RouteTableError.unknownAction("Echo", route: "a=Echo")) { try Route(parsing: "a=Echo") }
        #expect(throws: RouteTableError.unknownAction("", route: "a=")) { try Route(parsing: "a=") }
        #expect(RouteTableError.routeWithoutAction("x").description.contains("KEY=ACTION"))
        #expect(RouteTableError.unknownAction("x", route: "a=x").description.contains("broadcast:message"))
    }

    @Test func `raw values and messages are what is stored and sent`() {
        #expect(PayloadSource.allCases.map(\.rawValue) == [0, 1])
        #expect(Refusal.allCases.map(\.rawValue) == [1, 2])
        #expect(Refusal.allCases.map(\.message) == ["Forbidden", "Bad request body"])
    }
}
