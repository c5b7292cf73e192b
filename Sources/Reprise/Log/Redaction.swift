// A recording that may be shown to others: same shape, same routes, same lengths, other content.

internal import NIOCore

/// Takes out of events what people wrote and who they are.
///
/// What is left replays: the same routes and refusals, deliveries to as many connections and of the same lengths.
///
/// - Ids, addresses, hosts, principals, subprotocols and the node become pseudonyms: the same for the same value and key,
///   and of no use to somebody without the key.
/// - Payloads become placeholders of the same length (`RedactedBody`), but for the members that route selection reads.
/// - Query strings, values of headers and close reasons become `x`s of the same length.
/// - Times, routes, stage, names of headers, codes, causes and byte counts stay.
///
/// Owner: one thread; events in order, because a session's `sessionStarted` says which members stay.
public struct Redaction: Sendable {
    private let key: SipHash.Key
    private var routes: RouteTable

    /// Makes a redaction.
    ///
    /// - Parameters:
    ///   - key: the secret behind the pseudonyms.
    ///   - routes: the routes of the session that the first event lies in, if it does not begin with it.
    public init(key: SipHash.Key, routes: RouteTable = .default) {
        self.key = key
        self.routes = routes
    }

    /// The event without what is to be hidden.
    public mutating func redact(_ event: Event) -> Event {
        var event = event
        switch event.fact {
        case .sessionStarted(var started):
            routes = started.configuration.routes
            started.node = name("node", started.node)
            event.fact = .sessionStarted(started)
        case .connected(let connected):
            event.fact = .connected(redact(connected))
        case .message(var message):
            message.connection = pseudonym(message.connection)
            message.message = pseudonym(message.message)
            message.request = pseudonym(message.request)
            message.body = body(message.body, message.opcode)
            event.fact = .message(message)
        case .sent(var sent):
            sent.request = pseudonym(sent.request)
            if case .connection(let connection) = sent.target { sent.target = .connection(pseudonym(connection)) }
            sent.body = body(sent.body, sent.opcode)
            event.fact = .sent(sent)
        case .disconnected(var disconnected):
            disconnected.connection = pseudonym(disconnected.connection)
            disconnected.request = pseudonym(disconnected.request)
            // What the server says itself is a constant.
            if disconnected.cause == .client { disconnected.reason = placeholder(disconnected.reason) }
            event.fact = .disconnected(disconnected)
        case .skipped(var skipped):
            skipped.connection = pseudonym(skipped.connection)
            event.fact = .skipped(skipped)
        case .sessionEnded:
            break
        }
        return event
    }

    private func redact(_ original: Connected) -> Connected {
        var connected = original
        connected.connection = pseudonym(original.connection)
        connected.request = pseudonym(original.request)
        connected.sourceIP = address(original.sourceIP)
        connected.host = "\(name("host", original.host)).invalid"
        connected.query = placeholder(original.query, keeping: "&=")
        connected.headers = original.headers.map { Header(name: $0.name, value: placeholder($0.value)) }
        connected.subprotocol = original.subprotocol.map { $0.isEmpty ? "" : name("protocol", $0) }
        connected.principal = original.principal.map { name("principal", $0) }
        return connected
    }

    private func body(_ body: ByteBuffer, _ opcode: MessageOpcode) -> ByteBuffer {
        switch opcode {
        case .text: RedactedBody.text(body, selectedBy: routes.selectionExpression)
        case .binary: ByteBuffer(repeating: RedactedBody.filler, count: body.readableBytes)
        }
    }

    // MARK: Pseudonyms

    /// The kind of value has a part in the hash, or an id that stands for two things would link them.
    private func hash(_ kind: String, _ value: some Sequence<UInt8>) -> (UInt64, UInt64) {
        SipHash.hash(Array(kind.utf8) + [0] + value, key: key)
    }

    private func pseudonym<Identifier: TokenIdentifier>(_ identifier: Identifier) -> Identifier {
        let (high, low) = hash("\(Identifier.self)", identifier.text.utf8)
        var generator = TwoNumbers(high: high, low: low)
        return Identifier(token: Token(using: &generator))
    }

    /// An address of the range for documentation (RFC 3849), with 96 bits of the hash.
    private func address(_ address: String) -> String {
        let (high, low) = hash("address", address.utf8)
        var groups: [String] = []
        for shift in [48, 32, 16, 0] as [UInt64] { groups.append(String((high >> shift) & 0xFFFF, radix: 16)) }
        for shift in [48, 32] as [UInt64] { groups.append(String((low >> shift) & 0xFFFF, radix: 16)) }
        return "2001:db8:\(groups.joined(separator: ":"))"
    }

    private func name(_ kind: String, _ value: String) -> String {
        "\(kind)-\(HexDigest(rawValue: hash(kind, value.utf8).0))"
    }

    private func placeholder(_ text: String, keeping kept: String = "") -> String {
        String(decoding: RedactedBody.placeholder(text.utf8, keeping: Array(kept.utf8)), as: UTF8.self)
    }
}

/// Gives two numbers, as `Token(using:)` asks for them.
private struct TwoNumbers: RandomNumberGenerator {
    var high: UInt64
    var low: UInt64
    private var isFirst = true

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    mutating func next() -> UInt64 {
        defer { isFirst = false }
        return isFirst ? high : low
    }
}
