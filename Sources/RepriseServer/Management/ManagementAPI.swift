// The `@connections` API (specs, section 4): post to one connection or to all, ask about one, close one.

internal import NIOCore
internal import NIOHTTP1
internal import Reprise

/// One call to the management API.
struct ManagementCall: Sendable {
    var method: HTTPMethod
    /// The percent-decoded id; `nil` for everyone.
    var connection: String?
    /// The request's body, or `nil` when it was larger than a message may be.
    var payload: ByteBuffer?
}

/// Performs calls for the handlers of one loop.
///
/// Owner: the gateway's event loop; other shards are asked on theirs.
final class ManagementAPI {
    /// Who may call; asked by the handlers, at the head of a call.
    let rule: ManagementRule
    private let gateway: Gateway
    private let shards: [Shard]
    private let reader: DiskReader
    private let retention: RetentionStatus
    private let logTime: LogTime
    /// Plays a recording, if this server does.
    private let player: Player?

    /// Bytes of frames for one connection that may wait before its posts get 429: its buffer is full.
    static let waitingBytesMax = 1 << 20

    init(
        gateway: Gateway, rule: ManagementRule, shards: [Shard], reader: DiskReader, retention: RetentionStatus,
        logTime: LogTime,
        player: Player? = nil
    ) {
        self.gateway = gateway
        self.rule = rule
        self.shards = shards
        self.reader = reader
        self.retention = retention
        self.logTime = logTime
        self.player = player
    }

    private var eventLoop: any EventLoop { gateway.shard.eventLoop }

    // MARK: Health

    /// Liveness: red while the log refuses, with the reason. It says how many seconds the time of the log is ahead of the clock, which
    /// is no reason to be red. Where old events are trimmed away, it says from where on the log has them, and what keeps it from
    /// trimming.
    func health() -> HTTPReply {
        var more = ",\"clockLead\":\(logTime.lead.seconds)"
        if let retained = retention.json { more += ",\"retention\":\(retained)" }
        guard let reason = gateway.gate.refusal else { return .json(.ok, "{\"status\":\"ok\"\(more)}") }
        return .json(.serviceUnavailable, "{\"status\":\"failing\",\"reason\":\(JSONText.quoted(reason))\(more)}")
    }

    /// Whether new connections are wanted.
    func ready(isStopping: Bool) -> HTTPReply {
        if isStopping { return .json(.serviceUnavailable, "{\"status\":\"stopping\"}") }
        return health()
    }

    // MARK: Calls

    /// Performs a call. The future never fails, and completes on the gateway's loop.
    func perform(_ call: ManagementCall) -> EventLoopFuture<HTTPReply> {
        var connection: ConnectionID?
        if let text = call.connection {
            guard let id = ConnectionID(text: text) else {
                return done(.badRequest("Invalid connectionId: \(text)"))
            }
            connection = id
        }
        switch (call.method, connection) {
        case (.POST, let connection?): return post(call.payload, to: connection)
        case (.POST, nil): return postToEveryone(call.payload)
        case (.GET, let connection?): return describe(connection)
        case (.DELETE, let connection?): return delete(connection)
        default:
            return done(.error(.methodNotAllowed, "MethodNotAllowedException", "Method Not Allowed"))
        }
    }

    /// Asks the player, or tells it what to do. Without one there is nothing at this path.
    func askPlayer(_ call: ManagementCall) -> EventLoopFuture<HTTPReply> {
        guard let player else { return done(.forbidden) }
        return player.perform(call).hop(to: eventLoop)
    }

    private func post(_ payload: ByteBuffer?, to id: ConnectionID) -> EventLoopFuture<HTTPReply> {
        if let refusal = refusal(of: payload) { return done(refusal) }
        let payload = payload ?? ByteBuffer()
        return find(id) { connection in
            connection.outbox.insertBytes > ManagementAPI.waitingBytesMax
        }.flatMap { [gateway = NIOLoopBound(gateway, eventLoop: eventLoop), eventLoop] isFull in
            switch isFull {
            case nil: return eventLoop.makeSucceededFuture(.gone)
            case true?: return eventLoop.makeSucceededFuture(.limitExceeded)
            case false?: break
            }
            return ManagementAPI.send(payload, to: .connection(id), gateway.value).map { outcome in
                switch outcome {
                case .committed(let position, recipients: 1...):
                    HTTPReply(status: .ok, headers: [("x-reprise-position", position.description)])
                case .committed: .gone
                case .refused: .unavailable("The log cannot take new messages")
                }
            }
        }
    }

    private func postToEveryone(_ payload: ByteBuffer?) -> EventLoopFuture<HTTPReply> {
        if let refusal = refusal(of: payload) { return done(refusal) }
        return ManagementAPI.send(payload ?? ByteBuffer(), to: .everyone, gateway).map { outcome in
            switch outcome {
            case .committed(let position, let recipients):
                .json(.ok, "{\"position\":\(position),\"recipients\":\(recipients)}")
            case .refused: .unavailable("The log cannot take new messages")
            }
        }
    }

    private func refusal(of payload: ByteBuffer?) -> HTTPReply? {
        guard payload != nil else { return .tooLarge(bytesMax: gateway.configuration.messageBytesMax) }
        return gateway.mustHoldReads ? .limitExceeded : nil
    }

    /// Hands in a `sent`. The service delivers text whatever it was given: invalid UTF-8 becomes U+FFFD.
    private static func send(
        _ payload: ByteBuffer, to target: SendTarget, _ gateway: Gateway
    ) -> EventLoopFuture<SendOutcome> {
        let text = ByteBuffer(string: String(decoding: payload.readableBytesView, as: UTF8.self))
        let reply = gateway.shard.eventLoop.makePromise(of: SendOutcome.self)
        gateway.submit(
            Sent(request: gateway.makeRequestID(), target: target, opcode: .text, body: text), reply: reply)
        return reply.futureResult
    }

    private func describe(_ id: ConnectionID) -> EventLoopFuture<HTTPReply> {
        // The log has the headers: a connection does not carry them about. It is read elsewhere, since it may have to come from the disk.
        find(id) { $0.lastTrafficTime }.assumeIsolated().flatMap { lastActive in
            guard let lastActive else { return self.done(.gone) }
            return self.reader.opening(of: id, for: self.eventLoop).assumeIsolated().flatMap { opening in
                if let opening { return self.done(.description(of: opening, lastActive: lastActive)) }
                // It has left and was trimmed away meanwhile, or the log lacks what it must have.
                return self.find(id) { _ in true }.map { [reader = self.reader] isOpen in
                    guard isOpen != nil else { return .gone }
                    reader.noteUndescribed(id, "the log does not know it", isDamage: true)
                    return .unreadable("it does not know the connection")
                }
            }.nonisolated().recover { error in
                (error as? LogError).map { .unreadable("\($0)") } ?? .unavailable("The server is stopping")
            }
        }.nonisolated()
    }

    private func delete(_ id: ConnectionID) -> EventLoopFuture<HTTPReply> {
        find(id) { connection in
            connection.end(Ending(cause: .deleted, code: .normal))
        }.map { found in
            found == nil ? .gone : HTTPReply(status: .noContent)
        }
    }

    // MARK: Finding

    /// Runs `body` on the loop that owns the connection, if it is open there.
    ///
    /// - Returns: what `body` gave, or `nil` when no loop has it open.
    private func find<Result: Sendable>(
        _ id: ConnectionID, _ body: @escaping @Sendable (Connection) -> Result
    ) -> EventLoopFuture<Result?> {
        let asked = shards.map { shard in
            shard.eventLoop.submit { () -> Result? in
                guard let connection = shard.connections[id], case .open = connection.lifecycle else { return nil }
                return body(connection)
            }
        }
        return EventLoopFuture.whenAllSucceed(asked, on: eventLoop).map { results in
            results.lazy.compactMap { $0 }.first
        }.recover { _ in nil }
    }

    private func done(_ reply: HTTPReply) -> EventLoopFuture<HTTPReply> { eventLoop.makeSucceededFuture(reply) }
}

extension HTTPReply {
    /// 410: unknown, closed, or not open yet. Without the header SDKs would not raise `GoneException`.
    static let gone = HTTPReply(status: .gone, headers: [("x-amzn-ErrorType", "GoneException")])

    /// 500: the log has not what it must have.
    fileprivate static func unreadable(_ reason: String) -> HTTPReply {
        error(.internalServerError, "InternalServerException", "The log cannot be read: \(reason)")
    }

    /// What the log says of a connection, and when bytes last went either way.
    fileprivate static func description(of opening: EventLog.Opening, lastActive: Timestamp) -> HTTPReply {
        let (time, connected) = (opening.time, opening.connected)
        let agent = connected.userAgent.map(JSONText.quoted) ?? "null"
        return .json(
            .ok,
            "{\"connectedAt\":\"\(time.iso8601(fractionDigits: 3))\","
                + "\"identity\":{\"sourceIp\":\(JSONText.quoted(connected.sourceIP)),\"userAgent\":\(agent)},"
                + "\"lastActiveAt\":\"\(max(time, lastActive).iso8601(fractionDigits: 3))\"}")
    }

    /// 429: too much is in flight, or the client's buffer is full.
    static let limitExceeded = tooMany("Too many requests are in flight", type: "LimitExceededException")
}
