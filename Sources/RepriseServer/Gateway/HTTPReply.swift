internal import NIOCore
internal import NIOHTTP1

/// A complete HTTP response.
struct HTTPReply: Sendable {
    var status: HTTPResponseStatus
    var headers: [(name: String, value: String)] = []
    var body = ""

    /// A JSON body.
    static func json(_ status: HTTPResponseStatus, _ body: String) -> HTTPReply {
        HTTPReply(status: status, headers: [("Content-Type", "application/json")], body: body)
    }

    /// An error as the AWS service words it: SDKs type it by `x-amzn-ErrorType` alone.
    static func error(_ status: HTTPResponseStatus, _ type: String, _ message: String) -> HTTPReply {
        var reply = json(status, "{\"message\":\(JSONText.quoted(message))}")
        reply.headers.append(("x-amzn-ErrorType", type))
        return reply
    }

    /// 400.
    static func badRequest(_ message: String) -> HTTPReply { error(.badRequest, "BadRequestException", message) }

    /// 403 `Forbidden`.
    static let forbidden = forbidden("Forbidden")

    /// 403 with a reason.
    static func forbidden(_ message: String) -> HTTPReply { error(.forbidden, "ForbiddenException", message) }

    /// 401: a token is asked for.
    static func unauthorized(_ message: String) -> HTTPReply {
        var reply = error(.unauthorized, "UnauthorizedException", message)
        reply.headers.append(("WWW-Authenticate", "Bearer"))
        return reply
    }

    /// 413.
    static func tooLarge(bytesMax: Int) -> HTTPReply {
        error(.payloadTooLarge, "PayloadTooLargeException", "The payload is larger than \(bytesMax) bytes")
    }

    /// The same, which to `OPTIONS` says with what else the target can be asked.
    func toProbe(_ method: HTTPMethod) -> HTTPReply {
        guard method == .OPTIONS else { return self }
        var reply = self
        reply.headers.append(("Allow", RequestPurpose.probes.map(\.rawValue).joined(separator: ", ")))
        return reply
    }

    /// 503 with a time to come back.
    static func unavailable(_ message: String) -> HTTPReply {
        var reply = error(.serviceUnavailable, "ServiceUnavailableException", message)
        reply.headers.append(("Retry-After", "1"))
        return reply
    }

    /// 429 with a time to come back.
    static func tooMany(_ message: String, type: String = "TooManyRequestsException") -> HTTPReply {
        var reply = error(.tooManyRequests, type, message)
        reply.headers.append(("Retry-After", "1"))
        return reply
    }

    /// 100: the body is wanted. It says nothing else.
    static let proceed = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")

    /// The response as it goes over the wire.
    ///
    /// - Parameters:
    ///   - keepAlive: whether the connection stays open behind it.
    ///   - omitsBody: whether only the head is wanted (`HEAD`).
    func encoded(keepAlive: Bool = false, omitsBody: Bool = false) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("HTTP/1.1 \(status.code) \(status.reasonPhrase)\r\n")
        for (name, value) in headers { buffer.writeString("\(name): \(value)\r\n") }
        if status != .noContent { buffer.writeString("Content-Length: \(body.utf8.count)\r\n") }
        if !keepAlive { buffer.writeString("Connection: close\r\n") }
        buffer.writeString("\r\n")
        if !omitsBody { buffer.writeString(body) }
        return buffer
    }
}

/// The little JSON that replies need.
enum JSONText {
    /// A JSON string.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
