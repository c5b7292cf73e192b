import NIOCore
import NIOHTTP1
import RepriseTesting

@testable import RepriseServer

/// A request of the model, with what must become of it.
struct ScriptedRequest {
    let incoming: IncomingRequest
    /// What is sent as its body.
    var pieces: [ByteBuffer] = []
    /// Whether it can have an answer, and none can come behind that.
    var isLast = false
    /// Whether its reply comes at its head.
    var isEarly = false
    var isProceeded = false
    var becomesWebSocket = false
    /// Whether the decoder stops behind it.
    var endsHTTP = false

    /// What must be handed on of its body; `nil` when it is too large.
    var body: [UInt8]? {
        guard case .connections = incoming.purpose else { return [] }
        let bytes = pieces.flatMap { Array($0.readableBytesView) }
        return bytes.count > 100 ? nil : bytes
    }

    /// - Parameter lastChance: how likely it is, in percent, that nothing can come behind it.
    init(_ number: Int, lastChance: Int, using random: inout SeededGenerator) {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/\(number)")
        let isEnd = Int.random(in: 0..<100, using: &random) < lastChance
        switch isEnd ? Int.random(in: 6..<19, using: &random) : Int.random(in: 0..<6, using: &random) {
        case 0:
            incoming = IncomingRequest(head, for: .health)
        case 1:
            head.version = .http1_0
            head.headers.add(name: "connection", value: "Keep-Alive")
            incoming = IncomingRequest(head, for: .ready)
        case 2:
            incoming = IncomingRequest(head, for: .handshake)  // without what makes it one
        case 3, 4:
            head.method = .POST
            pieces = ScriptedRequest.pieces(using: &random)
            head.headers.add(name: "content-length", value: "\(ScriptedRequest.count(of: pieces))")
            incoming = IncomingRequest(head, for: .connections(nil))
        case 5, 6:
            head.method = .POST
            pieces = ScriptedRequest.pieces(using: &random)
            head.headers.add(name: "transfer-encoding", value: "chunked")
            head.headers.add(name: "expect", value: "100-continue")
            isProceeded = true
            if isEnd { head.headers.add(name: "connection", value: "close") }
            isLast = isEnd
            incoming = IncomingRequest(head, for: .connections("a"))
        case 7:
            head.headers.add(name: "connection", value: "close")
            isLast = true
            incoming = IncomingRequest(head, for: .refusal(.forbidden))
        case 8:
            head.version = .http1_0
            isLast = true
            incoming = IncomingRequest(head, for: .health)
        case 9:
            head.method = .CONNECT
            isLast = true
            endsHTTP = true
            incoming = IncomingRequest(head, for: .refusal(.forbidden))
        case 10, 15:
            head.headers.add(name: "expect", value: "200-ok")
            isLast = true
            isEarly = true
            incoming = IncomingRequest(head, for: .health)
        case 11, 16, 17:
            head.method = .POST
            pieces = ScriptedRequest.pieces(using: &random)
            head.headers.add(name: "transfer-encoding", value: "chunked")
            head.headers.add(name: "expect", value: "100-continue")
            isLast = true
            isEarly = true
            incoming = IncomingRequest(head, for: .refusal(.forbidden))
        case 12:
            head.headers.add(name: "upgrade", value: "h2c")
            isLast = true
            endsHTTP = true
            incoming = IncomingRequest(head, for: .health)
        default:
            head.headers.add(name: "upgrade", value: "websocket")
            isLast = true
            endsHTTP = true
            becomesWebSocket = Int.random(in: 0..<3, using: &random) > 0
            if Int.random(in: 0..<3, using: &random) == 0 {
                pieces = ScriptedRequest.pieces(using: &random)
                head.headers.add(name: "transfer-encoding", value: "chunked")
                head.headers.add(name: "expect", value: "100-continue")
                isProceeded = true
            }
            incoming = IncomingRequest(head, for: .handshake)
        }
    }

    private static func pieces(using random: inout SeededGenerator) -> [ByteBuffer] {
        let bytesMax = Int.random(in: 0..<4, using: &random) == 0 ? 80 : 20
        return (0..<Int.random(in: 1...4, using: &random)).map { _ in
            let count = Int.random(in: 1...bytesMax, using: &random)
            return ByteBuffer(bytes: (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
    }

    private static func count(of pieces: [ByteBuffer]) -> Int { pieces.reduce(0) { $0 + $1.readableBytes } }
}

/// What the decoder makes of a script.
enum ScriptedPart {
    case head(Int)
    case body(ByteBuffer)
    case end
    /// What cannot be parsed.
    case garbage

    static func parts(of script: [ScriptedRequest], using random: inout SeededGenerator) -> CircularBuffer<ScriptedPart>
    {
        var parts = CircularBuffer<ScriptedPart>()
        for (number, request) in script.enumerated() {
            parts.append(.head(number))
            for piece in request.pieces {
                if Int.random(in: 0..<30, using: &random) == 0 {
                    parts.append(.garbage)
                    return parts
                }
                parts.append(.body(piece))
            }
            parts.append(.end)
            if request.endsHTTP { return parts }
            if Int.random(in: 0..<(request.isLast ? 4 : 20), using: &random) == 0 {
                parts.append(.garbage)
                return parts
            }
        }
        return parts
    }
}
