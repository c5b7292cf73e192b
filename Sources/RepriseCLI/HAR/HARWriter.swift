internal import Foundation
internal import NIOCore
internal import Reprise
internal import RepriseLoad

/// Writes connections as a HAR that a browser opens: one entry for each, with everything that it sent and was sent.
///
/// Memory does not grow with the log: every connection's stretch of it is read on its own.
struct HARWriter {
    let log: EventLog
    /// The positions whose messages are written; connections that were opened there or are open.
    var range: ClosedRange<Position>

    /// - Throws: what reading and writing throw.
    func write(to output: inout StandardOutput) throws {
        let sessions = try log.sessions()
        output.buffer.writeString(
            "{\"log\":{\"version\":\"1.2\",\"creator\":{\"name\":\"Reprise\",\"version\":\"\(BuildInfo.version)\"},")
        let start = try log.event(at: range.lowerBound)?.time ?? Timestamp(rawValue: 0)
        output.buffer.writeString(
            "\"pages\":[{\"startedDateTime\":\"\(start.iso8601(fractionDigits: 6))\",\"id\":\"page_1\","
                + "\"title\":\"Reprise log \(log.id), positions \(range.lowerBound) to \(range.upperBound)\","
                + "\"pageTimings\":{\"onContentLoad\":-1,\"onLoad\":-1}}],\n\"entries\":[")
        var isFirst = true
        try log.walk(from: range.lowerBound, through: range.upperBound) { event in
            guard case .connected(let connected) = event.fact else { return true }
            if !isFirst { output.buffer.writeString(",") }
            isFirst = false
            guard let session = sessions.last(where: { $0.first <= event.position }) else { return true }
            let configuration = try log.start(of: session).configuration
            try write(connected, event, configuration, to: &output)
            return true
        } onDamage: {
            try output.flush()
        }
        output.buffer.writeString("\n]}}")
        try output.endLine()
        try output.flush()
    }

    private func write(
        _ connected: Connected, _ opening: Event, _ configuration: EngineConfiguration, to output: inout StandardOutput
    ) throws {
        let closed = try log.span(of: connected.connection)?.closed
        let end = try log.event(at: min(closed ?? range.upperBound, range.upperBound))?.time ?? opening.time
        output.buffer.writeString("\n{\"_resourceType\":\"websocket\",\"pageref\":\"page_1\"")
        writeRequest(connected, opening.time, end, to: &output.buffer)
        output.buffer.writeString(",\"_webSocketMessages\":[")
        var isFirst = true
        func write(_ type: StaticString, _ time: Timestamp, _ opcode: MessageOpcode, _ body: ByteBuffer) throws {
            if !isFirst { output.buffer.writeString(",") }
            isFirst = false
            output.buffer.writeString("\n{\"type\":\"")
            output.buffer.writeStaticString(type)
            output.buffer.writeString("\",\"time\":\(HARWriter.seconds(time)),\"opcode\":\(opcode.rawValue),\"data\":")
            switch opcode {
            case .text: output.buffer.writeJSONString(body.readableBytesSpan)
            case .binary: output.buffer.writeString("\"\(Data(body.readableBytesView).base64EncodedString())\"")
            }
            output.buffer.writeString("}")
            try output.flushIfLarge()
        }
        let last = min(closed?.previous ?? range.upperBound, range.upperBound)
        try log.walk(from: opening.position.next, through: last) { event in
            if case .sessionStarted = event.fact { return false }
            if case .message(let message) = event.fact, message.connection == connected.connection {
                try write("send", event.time, message.opcode, message.body)
            }
            if let delivery = Delivery(of: event, under: configuration), delivery.addresses(connected.connection) {
                try write("receive", event.time, delivery.opcode, delivery.payload(of: event))
            }
            return true
        } onDamage: {
            try output.flush()
        }
        output.buffer.writeString("]}")
    }

    private func writeRequest(_ connected: Connected, _ start: Timestamp, _ end: Timestamp, to buffer: inout ByteBuffer)
    {
        let query = connected.query.isEmpty ? "" : "?\(connected.query)"
        buffer.writeJSON("startedDateTime", start.iso8601(fractionDigits: 6))
        buffer.writeJSON("time", Double(end.rawValue / 1000 - start.rawValue / 1000) / 1000)
        buffer.writeJSONKey("request")
        buffer.beginJSON()
        buffer.writeJSON("method", "GET")
        buffer.writeJSON("url", "ws://\(connected.host)/\(connected.stage)\(query)")
        buffer.writeJSON("httpVersion", "HTTP/1.1")
        write("headers", connected.headers.map { ($0.name, $0.value) }, to: &buffer)
        let pairs = connected.query.split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
        }
        write("queryString", pairs, to: &buffer)
        buffer.writeString(",\"cookies\":[],\"headersSize\":-1,\"bodySize\":0},\"response\":{\"status\":101,")
        buffer.writeString("\"statusText\":\"Switching Protocols\",\"httpVersion\":\"HTTP/1.1\"")
        var fields = [("Upgrade", "websocket"), ("Connection", "Upgrade")]
        fields.append((RedriveRun.idField, connected.connection.text))
        if let subprotocol = connected.subprotocol { fields.append(("Sec-WebSocket-Protocol", subprotocol)) }
        write("headers", fields, to: &buffer)
        buffer.writeString(
            ",\"cookies\":[],\"content\":{\"size\":0,\"mimeType\":\"x-unknown\"},\"redirectURL\":\"\",\"headersSize\":-1,"
                + "\"bodySize\":-1,\"_transferSize\":0},\"cache\":{},\"timings\":{\"blocked\":-1,\"dns\":-1,\"connect\":-1,"
                + "\"send\":0,\"wait\":0,\"receive\":0,\"ssl\":-1}")
        if !connected.sourceIP.isEmpty { buffer.writeJSON("_clientIPAddress", connected.sourceIP) }
    }

    private func write(_ key: StaticString, _ pairs: [(String, String)], to buffer: inout ByteBuffer) {
        buffer.writeJSONKey(key)
        buffer.beginJSON("[")
        for (name, value) in pairs {
            buffer.separateJSON()
            buffer.beginJSON()
            buffer.writeJSON("name", name)
            buffer.writeJSON("value", value)
            buffer.endJSON()
        }
        buffer.endJSON("]")
    }

    /// Seconds since 1970 with six digits, as browsers have them.
    private static func seconds(_ time: Timestamp) -> String {
        let microseconds = max(0, time.rawValue) / 1000
        let fraction = String(microseconds % 1_000_000)
        return "\(microseconds / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
    }
}
