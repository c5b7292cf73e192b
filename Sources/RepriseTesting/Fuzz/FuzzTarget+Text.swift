// JSON bodies, and the small grammars.

internal import Foundation
internal import NIOCore
internal import Reprise

extension FuzzTarget {
    /// A message's body: which route it takes, and what is sent.
    static let json = FuzzTarget(
        name: "json",
        summary: "routes and canonical JSON against Foundation's parser; the output is its own canonical form"
    ) { bytes in
        let body = bytes.readableBytesSpan
        for table in tables {
            let match = table.match(body, isText: true)
            var payload = ByteBuffer()
            table.appendPayload(of: match, body: body, to: &payload)
        }
        var data = ByteBuffer()
        let hasData = CanonicalJSON.appendData(of: body, to: &data)
        let reference = try? JSONSerialization.jsonObject(
            with: Data(bytes.readableBytesView), options: .fragmentsAllowed)
        let expected = (reference as? [String: Any]).map { $0["data"] != nil } ?? false
        // Bodies of text are UTF-8; of other bytes only this is promised, that nothing traps.
        let isText = String(validating: bytes.readableBytesView, as: UTF8.self) != nil
        if hasData, isText {
            var wrapped = ByteBuffer(string: "{\"data\":")
            wrapped.writeImmutableBuffer(data)
            wrapped.writeString("}")
            var again = ByteBuffer()
            try expect(
                CanonicalJSON.appendData(of: wrapped.readableBytesSpan, to: &again) && again == data,
                "canonical \(String(buffer: data)) became \(String(buffer: again))")
        }
        // Foundation reads other encodings, has a nesting limit of its own, no lone surrogates, no numbers beyond a double, and
        // more digits than a double holds; and it takes a comma that nothing follows.
        let text = bytes.readableBytesView
        let solid = text.filter { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        let hasTrailingComma = zip(solid, solid.dropFirst()).contains {
            $0 == UInt8(ascii: ",") && [UInt8(ascii: "]"), UInt8(ascii: "}")].contains($1)
        }
        let hasExponent = zip(text, text.dropFirst()).contains { (0x30...0x39).contains($0) && $1 | 0x20 == 0x65 }
        let hasLongNumber = text.split { !(0x30...0x39).contains($0) && $0 != 0x2E }.contains { $0.count > 15 }
        let openings = text.count { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }
        let isComparable =
            isText && !text.contains(0)
            && !text.starts(with: [0xEF, 0xBB, 0xBF])
            && openings <= CanonicalJSON.nestingLimit && !text.contains(UInt8(ascii: "\\")) && !hasExponent
            && !hasLongNumber
            && !hasTrailingComma && text.count < 300
        if isComparable, reference != nil || hasData {
            try expect(hasData == expected, "a member `data`: \(hasData), Foundation says \(expected)")
            if let reference = reference as? [String: Any] { try compare(body, data, with: reference) }
        }
    }

    private static func sorted(_ value: Any) throws -> Data {
        try JSONSerialization.data(withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
    }

    /// Compares route and payload with what Foundation has read.
    private static func compare(_ body: RawSpan, _ data: ByteBuffer, with reference: [String: Any]) throws {
        if let expected = reference["data"] {
            let found = try JSONSerialization.jsonObject(with: Data(data.readableBytesView), options: .fragmentsAllowed)
            try expect(
                try sorted(found) == sorted(expected),
                "canonical \(String(buffer: data)), Foundation reads \(expected)")
        }
        let action = reference["action"]
        guard action == nil || action is String else { return }  // what a number becomes is not Foundation's to say
        let names = ["onMessage", "shout", "7"]
        let index = (action as? String).flatMap(names.firstIndex(of:)) ?? names.count
        let needsData = index == 0 || index == 2
        let expected: RouteDecision =
            needsData && reference["data"] == nil ? .refused(.badRequestBody) : .route(index)
        let found = tables[0].decide(body, isText: true)
        try expect(found == expected, "\(found), and by what Foundation reads \(expected)")
    }

    private static let tables = [
        ["onMessage=broadcast:data", "shout=broadcast:message", "7=echo:data", "$default=record"],
        ["onMessage=broadcast", "a-b=echo"],
    ].enumerated().map { index, routes in
        do {
            return try RouteTable(
                selectionExpression: RouteSelectionExpression(
                    index == 0 ? "$request.body.action" : "${request.body.a.b[1]}-${request.body.c}"),
                routes: routes.map { try Route(parsing: $0) })
        } catch {
            preconditionFailure("a route table of the fuzzer is wrong: \(error)")
        }
    }

    /// Places, routes, selection expressions, moments and ids: what people and files write by hand.
    static let texts = FuzzTarget(
        name: "texts",
        summary: "places, routes, expressions, moments and ids: nothing traps, and text forms are read back"
    ) { bytes in
        let text = String(buffer: bytes)
        if let place = try? Place(parsing: text) {
            try expect((try? Place(parsing: place.description)) == place, "place \(place)")
        }
        if let route = try? Route(parsing: text) {
            try expect((try? Route(parsing: route.description)) == route, "route \(route)")
        }
        if let expression = try? RouteSelectionExpression(text) {
            try expect(
                (try? RouteSelectionExpression(expression.text)) == expression, "expression \(expression.text)")
        }
        if let moment = Timestamp(iso8601: text) {
            try expect(Timestamp(iso8601: moment.iso8601()) == moment, "moment \(moment)")
        }
        if let id = ConnectionID(text: text) {
            try expect(ConnectionID(text: "\(id)") == id, "id \(id)")
        }
    }
}
