/// What the clients of a recorded session did, in the order of the recording: a plain value, which knows nothing of logs.
public struct RecordedWorkload: Equatable, Sendable {
    /// One thing that a client did.
    public struct Step: Equatable, Sendable {
        /// When, nanoseconds since the first step. Never less than that of the step before.
        public var time: Int
        /// Which client: ordinal of its connection, from 0.
        public var connection: Int
        /// What.
        public var action: Action
    }

    /// What a client can do.
    public enum Action: Equatable, Sendable {
        /// Connect, with this query (without `?`) and this subprotocol, where there is one.
        case open(query: String, subprotocol: String?)
        /// Send a message.
        case send(Message)
        /// Close with this code; one that no frame may carry ends the connection without a Close.
        case close(code: UInt16)
    }

    /// A message of a client.
    public struct Message: Equatable, Sendable {
        /// Whether it is text; else it is binary.
        public var isText: Bool
        /// Where its bytes are in `bytes`.
        public var body: Range<Int>
        /// ``fingerprint(of:)`` of the message that the sender itself must get back, by which its latency is measured;
        /// nil if it gets none, or none that can be foretold.
        public var answer: UInt64?
    }

    /// The steps in order.
    public private(set) var steps: [Step] = []
    /// The bodies of all messages, side by side.
    public private(set) var bytes: [UInt8] = []
    /// How many connections are opened.
    public private(set) var connections = 0
    /// How many messages are sent.
    public private(set) var messages = 0

    /// A workload of nothing.
    public init() {}

    /// Nanoseconds from the first step to the last.
    public var duration: Int { steps.last?.time ?? 0 }

    /// Adds a connect.
    ///
    /// - Returns: the connection's ordinal.
    public mutating func open(at time: Int, query: String = "", subprotocol: String? = nil) -> Int {
        append(connections, .open(query: query, subprotocol: subprotocol), at: time)
        connections += 1
        return connections - 1
    }

    /// Adds a message.
    public mutating func send(
        _ body: some Collection<UInt8>, isText: Bool, on connection: Int, at time: Int, answer: UInt64? = nil
    ) {
        let start = bytes.count
        bytes.append(contentsOf: body)
        append(
            connection, .send(Message(isText: isText, body: start..<bytes.count, answer: answer)), at: time)
        messages += 1
    }

    /// Adds a close.
    public mutating func close(_ connection: Int, code: UInt16, at time: Int) {
        append(connection, .close(code: code), at: time)
    }

    private mutating func append(_ connection: Int, _ action: Action, at time: Int) {
        precondition(time >= duration, "a step at \(time) ns after one at \(duration) ns")
        steps.append(Step(time: time, connection: connection, action: action))
    }

    /// A hash of a message's bytes (FNV-1a), for telling an answer when it comes.
    public static func fingerprint(of bytes: some Sequence<UInt8>) -> UInt64 {
        var state = Fingerprint()
        for byte in bytes { state.add(byte) }
        return state.value
    }
}

/// FNV-1a, 64 bits, byte by byte: a message may come in pieces.
struct Fingerprint {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    @inline(__always)
    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01B3 }
}
