// Events as JSON Lines: the form in which recordings travel, and in which anyone can check our digests. The text of an
// event is a contract: `Tests/RepriseTests/Golden/events-v1.jsonl` holds one line of every kind.

public import NIOCore

/// Turns events into JSON objects and back, without loss.
///
/// Shape: one object without white space; `position`, `time` and `event` come first, then the fields of the fact in the
/// order below. A field that has no value is left out. Reading takes fields in any order.
///
///      sessionStarted  session · version · node · routeSelectionExpression · frameBytesMax · routes ["KEY=ACTION"]
///      connected       connectionId · requestId · sourceIp · host · stage · query · headers [{"name","value"}]
///                      · subprotocol? · principal?
///      message         connectionId · messageId · requestId · route, or refused · opcode · body, or bodyBase64
///      sent            requestId · target ("everyone" or a connectionId) · opcode · body, or bodyBase64
///      disconnected    connectionId · requestId · code · reason · cause · deliveredThrough? · deliveredAtLeast?
///                      · bytesSent
///      skipped         connectionId · first · last
///      sessionEnded    cause
///
/// `body` is used when the body is UTF-8, `bodyBase64` (RFC 4648 §4) when it is not. `refused` is `forbidden` or
/// `badRequestBody`. `time` has nanoseconds. The words of the other enumerations are in `EventWords.swift`.
public enum EventJSON {
    /// Appends the object of one event, without a line feed.
    ///
    /// - Complexity: O(bytes of the event); allocates only what `buffer` needs to grow.
    public static func append(_ event: Event, to buffer: inout ByteBuffer) {
        buffer.beginJSON()
        buffer.writeJSON("position", event.position.rawValue)
        buffer.writeJSON("time", event.time)
        buffer.writeJSON("event", event.fact.word)
        switch event.fact {
        case .message(let message):
            buffer.writeJSON("connectionId", message.connection.token)
            buffer.writeJSON("messageId", message.message.token)
            buffer.writeJSON("requestId", message.request.token)
            switch message.outcome {
            case .route(let key): buffer.writeJSON("route", key)
            case .refused(let refusal): buffer.writeJSON("refused", refusal.word)
            }
            appendBody(message.opcode, message.body, to: &buffer)
        case .sent(let sent):
            buffer.writeJSON("requestId", sent.request.token)
            switch sent.target {
            case .everyone: buffer.writeJSON("target", "everyone")
            case .connection(let connection): buffer.writeJSON("target", connection.token)
            }
            appendBody(sent.opcode, sent.body, to: &buffer)
        case .connected(let connected):
            append(connected, to: &buffer)
        case .disconnected(let disconnected):
            append(disconnected, to: &buffer)
        case .skipped(let skipped):
            buffer.writeJSON("connectionId", skipped.connection.token)
            buffer.writeJSON("first", skipped.first.rawValue)
            buffer.writeJSON("last", skipped.last.rawValue)
        case .sessionStarted(let started):
            append(started, to: &buffer)
        case .sessionEnded(let cause):
            buffer.writeJSON("cause", cause.word)
        }
        buffer.endJSON()
    }

    private static func append(_ connected: Connected, to buffer: inout ByteBuffer) {
        buffer.writeJSON("connectionId", connected.connection.token)
        buffer.writeJSON("requestId", connected.request.token)
        buffer.writeJSON("sourceIp", connected.sourceIP)
        buffer.writeJSON("host", connected.host)
        buffer.writeJSON("stage", connected.stage)
        buffer.writeJSON("query", connected.query)
        buffer.writeJSONKey("headers")
        buffer.beginJSON("[")
        for header in connected.headers {
            buffer.separateJSON()
            buffer.beginJSON()
            buffer.writeJSON("name", header.name)
            buffer.writeJSON("value", header.value)
            buffer.endJSON()
        }
        buffer.endJSON("]")
        if let subprotocol = connected.subprotocol { buffer.writeJSON("subprotocol", subprotocol) }
        if let principal = connected.principal { buffer.writeJSON("principal", principal) }
    }

    private static func append(_ disconnected: Disconnected, to buffer: inout ByteBuffer) {
        buffer.writeJSON("connectionId", disconnected.connection.token)
        buffer.writeJSON("requestId", disconnected.request.token)
        buffer.writeJSON("code", UInt64(disconnected.code.rawValue))
        buffer.writeJSON("reason", disconnected.reason)
        buffer.writeJSON("cause", disconnected.cause.word)
        if let position = disconnected.deliveredThrough { buffer.writeJSON("deliveredThrough", position.rawValue) }
        if let position = disconnected.deliveredAtLeast { buffer.writeJSON("deliveredAtLeast", position.rawValue) }
        buffer.writeJSON("bytesSent", disconnected.bytesSent)
    }

    private static func append(_ started: SessionStarted, to buffer: inout ByteBuffer) {
        let routes = started.configuration.routes
        buffer.writeJSON("session", started.session.rawValue)
        buffer.writeJSON("version", started.version)
        buffer.writeJSON("node", started.node)
        buffer.writeJSON("routeSelectionExpression", routes.selectionExpression.text)
        buffer.writeJSON("frameBytesMax", UInt64(started.configuration.frameBytesMax))
        buffer.writeJSONKey("routes")
        buffer.beginJSON("[")
        for route in routes.routes {
            buffer.separateJSON()
            buffer.writeJSONString(route.description)
        }
        buffer.endJSON("]")
    }

    /// Appends the members `opcode` and `body`, or `bodyBase64`.
    package static func appendBody(_ opcode: MessageOpcode, _ body: ByteBuffer, to buffer: inout ByteBuffer) {
        buffer.writeJSON("opcode", opcode.word)
        var validator = UTF8Validator()
        if validator.consume(body.readableBytesSpan), validator.isComplete {
            buffer.writeJSONKey("body")
            buffer.writeJSONString(body.readableBytesSpan)
        } else {
            buffer.writeJSONKey("bodyBase64")
            buffer.writeInteger(UInt8(ascii: "\""))
            Base64.append(body.readableBytesView, to: &buffer)
            buffer.writeInteger(UInt8(ascii: "\""))
        }
    }
}
