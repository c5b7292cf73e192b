// What a socket does before it is a WebSocket. Parts of requests, answers, writes that are done and deadlines come in; the
// handler asks for the next action until there is none, and only executes.
//
//   readingHead ─▶ readingBody ─▶ answering or upgrading ─▶ replying ─▶ readingHead, lingering or closing
//                   ▲      │
//                   └ sayingProceed
//
// An answer or the end of a write may come in the same call or later: until then nothing is read and nothing else is written.
// What the decoder has read already waits here, and is taken in a loop: a client decides how many requests wait, and must not
// decide how deep the stack is. The article HTTPExchange has the table of all phases and events.

internal import NIOCore
internal import NIOHTTP1

/// Answers requests, one at a time and in their order, and says when nothing more is answered.
///
/// Owner: a `HTTPGatewayHandler`. Pure: no channel, no clock; see `HTTPExchangeMachineTests` for the model that it is held
/// against.
struct HTTPExchangeMachine {
    /// Where the socket stands.
    enum Phase {
        /// The head of the next request is awaited.
        case readingHead
        /// The rest of a request is awaited.
        case readingBody(IncomingRequest)
        /// A 100 is on its way out, and the rest of the request comes behind it.
        case sayingProceed(IncomingRequest)
        /// The answer is in the making. No deadline runs: it is not the client who is late.
        case answering(HTTPRequestHead)
        /// The socket may become a WebSocket. Nothing is on its way out, so the 101 comes behind whole replies.
        case upgrading(HTTPRequestHead)
        /// A reply is on its way out.
        case replying(Sequel)
        /// The output is shut behind the last reply, and what still comes is read and dropped: a socket that is closed with
        /// bytes that nobody has read is reset, and the client may then lose a reply that it has not read yet (RFC 9112 §9.6).
        case lingering
        /// The socket was told to close.
        case closing
        /// The socket is gone, or a WebSocket.
        case over
    }

    /// What comes behind a reply.
    enum Sequel {
        case nextRequest
        /// The request may still be on its way, and nobody wants it.
        case linger
        case close
    }

    /// What comes in from the decoder.
    enum Part {
        /// A head, with what was made of it.
        case head(IncomingRequest)
        case body(ByteBuffer)
        case end
    }

    /// How long a client may take.
    enum Deadline {
        /// To complete a request, or to take a reply: the timeout of handshakes.
        case handshake
        /// To end its side: the timeout of closes.
        case close
    }

    /// What is to be done.
    enum Action {
        /// Read once.
        case read
        /// Have the connection that owns the socket now read once.
        case readOn
        /// Do what is asked for. Answer: `answered`, or `upgraded()` where the socket became a WebSocket.
        case answer(IncomingRequest)
        /// Write the interim 100. Answer: `written()` or `couldNotWrite()`.
        case writeProceed
        /// Write a reply. Answer: the same.
        case write(HTTPReply, to: HTTPRequestHead, keepAlive: Bool)
        /// Call `deadlinePassed()` after this time, and not after the one that was said before.
        case startDeadline(Deadline)
        case stopDeadline
        /// Shut what is written, or what is read. The other side stays open.
        case endOutput
        case endInput
        /// Close, and forget what has not left.
        case close
    }

    private(set) var phase = Phase.readingHead
    private let bodyBytesMax: Int
    /// Parts that came while an earlier request was answered.
    private var waiting = CircularBuffer<Part>()
    private var waitingBytes = 0
    /// Why what follows these cannot be read.
    private var unreadable: HTTPParserError?
    private var isReadWanted = false
    private var actions: [Action] = [.startDeadline(.handshake)]

    init(bodyBytesMax: Int) {
        self.bodyBytesMax = bodyBytesMax
    }

    /// Whether what comes in is of any use.
    var isListening: Bool {
        switch phase {
        case .readingHead, .readingBody, .sayingProceed, .answering, .upgrading, .replying(.nextRequest): true
        case .replying(.linger), .replying(.close), .lingering, .closing, .over: false
        }
    }

    /// What is kept of a body that has not come as a whole, and of requests that wait, bytes.
    var keptBytes: Int {
        switch phase {
        case .readingBody(let request), .sayingProceed(let request): waitingBytes + (request.body?.storageCapacity ?? 0)
        case .readingHead, .answering, .upgrading, .replying, .lingering, .closing, .over: waitingBytes
        }
    }

    /// About what a head costs with its list of fields.
    private static let headBytes = 1 << 10

    private static func cost(of part: Part) -> Int {
        switch part {
        case .head: headBytes
        case .body(let bytes): bytes.readableBytes
        case .end: 0
        }
    }

    private mutating func wait(_ part: Part) {
        waiting.append(part)
        waitingBytes += HTTPExchangeMachine.cost(of: part)
    }

    private mutating func nextWaiting() -> Part? {
        guard let part = waiting.popFirst() else { return nil }
        waitingBytes -= HTTPExchangeMachine.cost(of: part)
        return part
    }

    private mutating func forgetWaiting() {
        waiting.removeAll()
        waitingBytes = 0
    }

    /// Whether a part of a request can be taken.
    private var isReading: Bool {
        switch phase {
        case .readingHead, .readingBody: true
        case .sayingProceed, .answering, .upgrading, .replying, .lingering, .closing, .over: false
        }
    }

    // MARK: What happens

    /// The decoder has a part.
    mutating func receive(_ part: Part) {
        if isReading { take(part) } else if isListening { wait(part) }
    }

    /// A request cannot be parsed, or breaks a limit of the decoder. Nothing comes behind it.
    mutating func couldNotRead(_ error: HTTPParserError) {
        if isReading { refuse(error) } else if isListening { unreadable = error }
    }

    /// The channel takes more.
    mutating func wantRead() { isReadWanted = true }

    /// The answer to the request is there.
    ///
    /// - Parameter isStopping: whether the server wants no further request.
    mutating func answered(_ reply: HTTPReply, isStopping: Bool) {
        switch phase {
        case .answering(let head), .upgrading(let head):
            self.reply(reply, to: head, then: sequel(of: head, isStopping))
        case .readingHead, .readingBody, .sayingProceed, .replying, .lingering, .closing, .over:
            break
        }
    }

    /// What was to be written has left as a whole.
    mutating func written() {
        switch phase {
        case .sayingProceed(let request):
            phase = .readingBody(request)
        case .replying(.nextRequest):
            phase = .readingHead
            actions.append(.startDeadline(.handshake))
        case .replying(.linger):
            phase = .lingering
            actions += [.endOutput, .startDeadline(.close)]
        case .replying(.close):
            close()
        case .readingHead, .readingBody, .answering, .upgrading, .lingering, .closing, .over:
            return
        }
        takeWaiting()
    }

    /// What was to be written will not leave as a whole.
    mutating func couldNotWrite() {
        switch phase {
        case .sayingProceed, .replying: close()
        case .readingHead, .readingBody, .answering, .upgrading, .lingering, .closing, .over: break
        }
    }

    /// The channel has another error than one of parsing. A client that is not listened to any more may have it.
    mutating func fail() {
        switch phase {
        case .lingering, .closing, .over: break
        case .readingHead, .readingBody, .sayingProceed, .answering, .upgrading, .replying: close()
        }
    }

    /// The client took too long.
    mutating func deadlinePassed() { cutOff() }

    /// There are too many sockets like this one and it is the oldest, or nobody is answered any more.
    mutating func evict() { cutOff() }

    /// The socket is a WebSocket. The channel may have wanted a read while earlier requests were answered, and does not ask again.
    mutating func upgraded() {
        left()
        if isReadWanted { actions.append(.readOn) }
    }

    /// The socket is gone, or somebody else's: nothing is to be done for it any more.
    mutating func left() {
        guard !isOver else { return }
        phase = .over
        forgetWaiting()
        actions = [.stopDeadline]
    }

    private var isOver: Bool { if case .over = phase { true } else { false } }

    // MARK: Requests

    private mutating func take(_ part: Part) {
        switch part {
        case .head(let request):
            begin(request)
        case .body(var bytes):
            guard case .readingBody(var request) = phase else { return }
            phase = .readingHead  // the body has one owner, so it grows in place
            request.take(&bytes, bytesMax: bodyBytesMax)
            phase = .readingBody(request)
        case .end:
            guard case .readingBody(let request) = phase else { return }
            if case .handshake = request.purpose {
                phase = .upgrading(request.head)
            } else {
                phase = .answering(request.head)
            }
            actions += [.stopDeadline, .answer(request)]
        }
    }

    private mutating func begin(_ request: IncomingRequest) {
        switch request.interim(bytesMax: bodyBytesMax) {
        case .nothing:
            phase = .readingBody(request)
        case .proceed:
            phase = .sayingProceed(request)
            actions.append(.writeProceed)
        case .final(let reply):
            self.reply(reply, to: request.head, then: .linger)
        }
    }

    /// On with what has come in the meantime.
    private mutating func takeWaiting() {
        while isReading, let part = nextWaiting() { take(part) }
        if isReading, let unreadable { refuse(unreadable) }
    }

    // MARK: Replies

    private mutating func reply(_ reply: HTTPReply, to head: HTTPRequestHead, then sequel: Sequel) {
        phase = .replying(sequel)
        if !isListening { forgetWaiting() }
        actions += [.startDeadline(.handshake), .write(reply, to: head, keepAlive: isListening)]
    }

    private func sequel(of head: HTTPRequestHead, _ isStopping: Bool) -> Sequel {
        // After a request that asks for another protocol the decoder stops, so a further one would never be answered.
        let staysHTTP = head.method != .CONNECT && !head.headers.contains(name: "upgrade")
        return head.persists && staysHTTP && !isStopping ? .nextRequest : .close
    }

    private mutating func refuse(_ error: HTTPParserError) {
        var head = HTTPRequestHead(version: .http1_1, method: .GET, uri: "/")  // nobody knows what was meant
        if case .readingBody(let request) = phase { head = request.head }
        reply(.refusal(of: error), to: head, then: .close)
        actions.append(.endInput)
    }

    // MARK: The end

    private mutating func cutOff() {
        if !isOver { close() }
    }

    private mutating func close() {
        phase = .closing
        forgetWaiting()
        actions.append(.close)
    }

    // MARK: What is to be done

    /// The next action; `nil` until something else happens.
    mutating func next() -> Action? {
        if !actions.isEmpty { return actions.removeFirst() }
        guard isReadWanted else { return nil }
        switch phase {
        case .readingHead, .readingBody, .lingering:
            isReadWanted = false
            return .read
        case .sayingProceed, .answering, .upgrading, .replying, .closing, .over:
            return nil
        }
    }
}

extension HTTPReply {
    /// What is said of a request that cannot be read.
    fileprivate static func refusal(of error: HTTPParserError) -> HTTPReply {
        guard case .headerOverflow = error else { return .badRequest("Bad Request") }
        return .error(
            .requestHeaderFieldsTooLarge, "RequestHeaderFieldsTooLargeException", "Request Header Fields Too Large")
    }
}
