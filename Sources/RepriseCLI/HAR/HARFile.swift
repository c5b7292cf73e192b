// HTTP Archive 1.2 with Chrome's `_webSocketMessages`: what the network panel of a browser saves. Only WebSockets are read.

internal import Foundation
internal import NIOCore
internal import Reprise

/// A HAR, as far as it is about WebSockets. All of it is in memory.
struct HARFile: Decodable {
    /// The root's only member.
    struct Log: Decodable {
        var entries: [Entry]
    }

    /// A request; the one that opened a WebSocket has messages.
    struct Entry: Decodable {
        var startedDateTime: String
        /// Milliseconds, to the end of the connection.
        var time: Double?
        var request: Request
        var response: Response?
        var resourceType: String?
        var messages: [Message]?

        enum CodingKeys: String, CodingKey {
            case startedDateTime, time, request, response
            case resourceType = "_resourceType"
            case messages = "_webSocketMessages"
        }

        var isWebSocket: Bool { messages != nil || resourceType == "websocket" }
    }

    struct Request: Decodable {
        var url: String
        var headers: [Field]?
    }

    struct Response: Decodable {
        var headers: [Field]?

        /// The value of a header, by its name in lower case.
        func value(of name: String) -> String? { headers?.first { $0.name.lowercased() == name }?.value }
    }

    struct Field: Decodable {
        var name: String
        var value: String
    }

    struct Message: Decodable {
        /// `send` or `receive`, as the browser sees it.
        var type: String
        /// Seconds since 1970.
        var time: Double
        /// 1 or 2; others are no messages.
        var opcode: Int
        /// The text, or the bytes in Base64.
        var data: String
    }

    var log: Log

    /// Reads a file.
    ///
    /// - Throws: `CommandEnd` for a file that cannot be read, is no HAR or holds no WebSocket.
    init(path: String) throws {
        func failure(_ reason: String) -> CommandEnd { CommandEnd(status: .couldNotRun, message: "\(path) \(reason)") }
        guard let data = FileManager.default.contents(atPath: path) else { throw failure("cannot be read") }
        do {
            self = try JSONDecoder().decode(HARFile.self, from: data)
        } catch let error as DecodingError {
            throw failure("is not a HAR: \(HARFile.text(error))")
        }
        guard log.entries.contains(where: \.isWebSocket) else {
            throw failure(
                "holds no WebSocket: of \(log.entries.count) entries none has _webSocketMessages; record with the network "
                    + "panel open before the page connects")
        }
    }

    private static func text(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            let path = context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
            return path.isEmpty ? "" : " in \(path.dropFirst())"
        }
        return switch error {
        case .keyNotFound(let key, let context): "\"\(key.stringValue)\" is missing\(place(context))"
        case .typeMismatch(_, let context), .valueNotFound(_, let context): "a value of another kind\(place(context))"
        case .dataCorrupted(let context) where !context.codingPath.isEmpty: "a value that is none\(place(context))"
        default: "it is not JSON"
        }
    }
}

extension HARFile.Entry {
    /// When the connection began.
    ///
    /// - Throws: `CommandEnd` for what is no moment.
    func start() throws -> Timestamp {
        if let time = Timestamp(iso8601: startedDateTime) { return time }
        let formatter = ISO8601DateFormatter()
        for options in [ISO8601DateFormatter.Options.withFractionalSeconds, []] {
            formatter.formatOptions = [.withInternetDateTime, options]
            if let date = formatter.date(from: startedDateTime) {
                return Timestamp(seconds: date.timeIntervalSince1970)
            }
        }
        throw CommandEnd(
            status: .couldNotRun, message: "startedDateTime is \"\(startedDateTime)\", which is no moment (ISO 8601)")
    }

    /// The stage is the first segment of the path.
    var target: (host: String, stage: String, query: String) {
        let components = URLComponents(string: request.url)
        let port = components?.port.map { ":\($0)" } ?? ""
        let stage = (components?.path ?? "").split(separator: "/").first.map(String.init) ?? ""
        return ((components?.host ?? "") + port, stage, components?.percentEncodedQuery ?? "")
    }
}

extension HARFile.Message {
    /// The payload; nil for what is no message.
    var payload: (opcode: MessageOpcode, body: ByteBuffer)? {
        switch opcode {
        case 1: (.text, ByteBuffer(string: data))
        case 2: Data(base64Encoded: data).map { (.binary, ByteBuffer(bytes: $0)) }
        default: nil
        }
    }
}

extension Timestamp {
    /// A number of seconds as browsers write it, exact to the microsecond.
    init(seconds: Double) {
        let microseconds = Int64(exactly: (seconds * 1e6).rounded()) ?? 0
        self.init(rawValue: microseconds.multipliedReportingOverflow(by: 1000).partialValue)
    }
}
