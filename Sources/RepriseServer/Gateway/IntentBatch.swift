// What one loop asks of the Recorder within one turn. A message is parsed, decided and added here, once.

internal import NIOCore
internal import Reprise

/// The intents of a loop turn. The bodies of its messages lie side by side, and so do the payloads that were written anew; when
/// the turn ends, they become the intents' own without being copied.
///
/// Owner: its event loop.
struct IntentBatch {
    private enum Waiting {
        /// A message without its body, which is a range of `bodies`; the text that its delivery carries is a range of `texts`.
        case message(Message, Delivery?, body: Range<Int>, text: Range<Int>?)
        case other(Intent)
    }

    private let shard: Int
    private let routes: RouteTable
    private var waiting: [Waiting] = []
    private var bodies = ByteBuffer()
    private var texts = ByteBuffer()
    private var rewriter = JSONRewriter()
    /// Bytes of bodies whose payload was written anew, since the batch was made. What canonical text costs is little beside it.
    private(set) var rewrittenBytes = 0

    /// The largest storage that the next turn gets from the start, bytes.
    private static let storageBytesMax = 1 << 20

    init(shard: Int, routes: RouteTable) {
        self.shard = shard
        self.routes = routes
    }

    /// Bytes of messages that wait for the end of the turn.
    var payloadBytes: Int { bodies.readableBytes + texts.readableBytes }

    /// Parses, with the body of a message behind those that were parsed before.
    mutating func parse(_ bytes: inout ByteBuffer, with parser: inout FrameParser) -> FrameParser.Inbound? {
        parser.next(&bytes, into: &bodies)
    }

    /// Gives back the room of a message that was parsed last, and that nobody wants.
    mutating func discardMessage(_ body: Range<Int>) { bodies.moveWriterIndex(to: body.lowerBound) }

    /// Decides what becomes of a message, and adds it.
    ///
    /// - Parameter body: where the body is, as it was parsed.
    /// - Returns: what the intent costs while it is in flight, bytes.
    mutating func addMessage(
        _ message: MessageID, _ request: RequestID, from sender: ConnectionID, _ opcode: MessageOpcode,
        body: Range<Int>
    ) -> Int {
        let bodies = self.bodies  // lent for as long as the span is; nothing is written to it meanwhile
        let bytes = bodies.readableBytesSpan.extracting(body)
        let match = routes.match(bytes, isText: opcode == .text)
        let delivery = Delivery(match, from: sender, opcode, bodyByteCount: body.count, under: routes)
        var text: Range<Int>?
        if case .rewritten(let slice) = delivery?.payload {
            let start = texts.writerIndex
            CanonicalJSON.append(slice, of: bytes, to: &texts, with: &rewriter)
            text = start..<texts.writerIndex
            rewrittenBytes += body.count
        }
        let fact = Message(
            connection: sender, message: message, request: request, opcode: opcode, body: ByteBuffer(),
            outcome: routes.outcome(of: match.decision))
        waiting.append(.message(fact, delivery, body: body, text: text))
        return IntentWeight(bodyBytes: body.count, textBytes: text?.count ?? 0).memoryBytes
    }

    /// Adds anything else.
    mutating func add(_ intent: Intent) { waiting.append(.other(intent)) }

    /// Takes everything, in the order in which it was added.
    mutating func take() -> [Intent] {
        let intents = waiting.map { waiting in
            switch waiting {
            case .message(var message, var delivery, let body, let text):
                message.body = bodies.getSlice(at: body.lowerBound, length: body.count) ?? ByteBuffer()
                if let text, let carried = texts.getSlice(at: text.lowerBound, length: text.count) {
                    delivery?.payload = .carried(carried)
                }
                return Intent(fact: .message(message), shard: shard, delivery: delivery)
            case .other(let intent):
                return intent
            }
        }
        waiting.removeAll(keepingCapacity: true)
        IntentBatch.renew(&bodies)
        IntentBatch.renew(&texts)
        return intents
    }

    /// The intents share the old storage; a new one of the same size saves growing it again.
    private static func renew(_ buffer: inout ByteBuffer) {
        guard buffer.readableBytes > 0 else { return }
        buffer = ByteBufferAllocator().buffer(capacity: min(buffer.readableBytes, storageBytesMax))
    }
}
