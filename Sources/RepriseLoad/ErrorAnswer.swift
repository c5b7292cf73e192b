/// An error frame's text, as the AWS service and `reprise serve` send it to the sender of a message that they refuse:
/// `{"message": "Bad request body", "connectionId":"…", "requestId":"…"}`.
///
/// It names the connection and the request, but not the message that was refused.
struct ErrorAnswer: Equatable {
    private static let beginning = [UInt8](#"{"message": ""#.utf8)
    /// Longer texts are no error frames.
    static let bytesMax = 1024

    /// What was wrong.
    var message: String
    /// Whose message it was.
    var connectionID: String
    /// Different for every answer.
    var requestID: String

    /// Reads a whole text; nil if it is anything else.
    init?(_ text: Span<UInt8>) {
        guard text.count <= Self.bytesMax, Self.mayBegin(text) else { return nil }
        var rest = text.indices.map { text[$0] }[...]
        func part(after prefix: String) -> String? {
            guard rest.starts(with: prefix.utf8) else { return nil }
            rest = rest.dropFirst(prefix.utf8.count)
            let value = rest.prefix { $0 != UInt8(ascii: "\"") }
            rest = rest.dropFirst(value.count)
            return String(decoding: value, as: UTF8.self)
        }
        guard let message = part(after: #"{"message": ""#), let connection = part(after: #"", "connectionId":""#),
            let request = part(after: #"", "requestId":""#), rest.elementsEqual(#""}"#.utf8)
        else { return nil }
        self.message = message
        connectionID = connection
        requestID = request
    }

    /// Whether a text that begins so can be an error frame. No message of a run begins so.
    static func mayBegin(_ text: Span<UInt8>) -> Bool {
        for index in 0..<min(text.count, beginning.count) where text[index] != beginning[index] { return false }
        return true
    }
}
