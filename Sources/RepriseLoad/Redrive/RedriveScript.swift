/// A recorded session to be driven once more: what its clients and back ends did, and what each client must receive. A
/// plain value, which knows nothing of logs.
///
/// Owner: whoever builds it, in order of position. It holds every byte of the session's messages and deliveries.
public struct RedriveScript: Equatable, Sendable {
    /// One thing that a client or a back end did.
    public struct Step: Equatable, Sendable {
        /// Where it stands in the recording.
        public var position: UInt64
        /// When, nanoseconds since the first step. Never less than that of the step before.
        public var time: Int
        /// What.
        public var action: Action
        /// What it orders to be delivered: an index into ``deliveries``.
        public var delivery: Int?
    }

    /// What can be done. Clients are named by the ordinal of their connection, from 0; bodies are ranges of ``bytes``.
    public enum Action: Equatable, Sendable {
        /// A client connects, with this query (without `?`) and this subprotocol, where there is one.
        case open(Int, query: String, subprotocol: String?)
        /// A client sends a message.
        case send(Int, isText: Bool, body: Range<Int>)
        /// A back end posts to one connection, or with `nil` to all.
        case post(Int?, body: Range<Int>)
        /// A connection ends.
        case end(Int, Ending)
    }

    /// How a connection ends.
    public enum Ending: Equatable, Sendable {
        /// The client sends a Close and waits for the answer; without a code the Close has no payload.
        case close(code: UInt16?, reason: String)
        /// The client goes away without a word.
        case drop
        /// A back end deletes the connection.
        case delete
    }

    /// What a recipient must get.
    public struct Delivery: Equatable, Sendable {
        /// The position that orders it.
        public var position: UInt64
        /// Whether it is text; else it is binary.
        public var isText: Bool
        /// Where its bytes are in ``bytes``.
        public var payload: Range<Int>
        /// Where in the payload the recipient's connection id begins: its new id belongs there.
        public var connectionIDAt: Int?
        /// Where in the payload a request id begins: any id does.
        public var requestIDAt: Int?
    }

    /// Whom a delivery addresses.
    public enum Audience: Equatable, Sendable {
        /// Everyone who is connected.
        case everyone
        /// One connection.
        case connection(Int)
    }

    /// A connection of the recording.
    public struct Connection: Equatable, Sendable {
        /// Its recorded id.
        public var name: String
        /// The broadcasts that it must get: indices into ``broadcasts``. Its upper bound is set when it ends.
        public var broadcasts: Range<Int>
        /// The deliveries to it alone: indices into ``deliveries``, ascending.
        public var targeted: [Int] = []
    }

    /// Bytes of an id in a payload.
    public static let idBytes = 16

    /// The steps in order.
    public private(set) var steps: [Step] = []
    /// The deliveries in order.
    public private(set) var deliveries: [Delivery] = []
    /// Those for everyone: indices into ``deliveries``, ascending.
    public private(set) var broadcasts: [Int] = []
    /// The connections in the order of their opening.
    public private(set) var connections: [Connection] = []
    /// All bodies and payloads, side by side.
    public private(set) var bytes: [UInt8] = []
    /// Recorded steps that cannot be done again.
    public private(set) var omitted = 0
    /// The first of them, as a sentence that begins with its position.
    public private(set) var firstOmitted: String?

    /// A script of nothing.
    public init() {}

    /// Nanoseconds from the first step to the last.
    public var duration: Int { steps.last?.time ?? 0 }

    /// Adds a connect.
    ///
    /// - Parameter name: the connection's recorded id.
    /// - Returns: the connection's ordinal.
    public mutating func open(
        _ name: String, at position: UInt64, time: Int, query: String = "", subprotocol: String? = nil
    ) -> Int {
        let ordinal = connections.count
        connections.append(Connection(name: name, broadcasts: broadcasts.count..<broadcasts.count))
        append(.open(ordinal, query: query, subprotocol: subprotocol), at: position, time: time)
        return ordinal
    }

    /// Adds a message of a client.
    ///
    /// - Parameter delivery: what it orders, as ``expect(_:_:isText:at:connectionIDAt:requestIDAt:)`` returned it.
    public mutating func send(
        _ body: [UInt8], isText: Bool, on connection: Int, at position: UInt64, time: Int, delivery: Int?
    ) {
        let body = store(body, sharedWith: delivery)
        append(.send(connection, isText: isText, body: body), at: position, time: time, delivery: delivery)
    }

    /// Adds a message of a back end.
    ///
    /// - Parameter connection: to whom; `nil` for everyone.
    public mutating func post(
        _ body: [UInt8], to connection: Int?, at position: UInt64, time: Int, delivery: Int?
    ) {
        let body = store(body, sharedWith: delivery)
        append(.post(connection, body: body), at: position, time: time, delivery: delivery)
    }

    /// Adds the end of a connection.
    public mutating func end(_ connection: Int, _ ending: Ending, at position: UInt64, time: Int) {
        let first = connections[connection].broadcasts.lowerBound
        connections[connection].broadcasts = first..<broadcasts.count
        append(.end(connection, ending), at: position, time: time)
    }

    /// Adds what a step orders to be delivered; the step is added next, with the index that is returned.
    ///
    /// - Parameters:
    ///   - connectionIDAt: where in the payload the recipient's id begins, if it is there.
    ///   - requestIDAt: where in the payload a request id begins, if there is one.
    public mutating func expect(
        _ payload: [UInt8], for audience: Audience, isText: Bool, at position: UInt64, connectionIDAt: Int? = nil,
        requestIDAt: Int? = nil
    ) -> Int {
        let index = deliveries.count
        deliveries.append(
            Delivery(
                position: position, isText: isText, payload: store(payload, sharedWith: nil),
                connectionIDAt: connectionIDAt, requestIDAt: requestIDAt))
        switch audience {
        case .everyone: broadcasts.append(index)
        case .connection(let connection): connections[connection].targeted.append(index)
        }
        return index
    }

    /// Notes a recorded step that cannot be done again.
    ///
    /// - Parameter reason: the second half of a sentence that begins with the position.
    public mutating func omit(at position: UInt64, _ reason: String) {
        omitted += 1
        if firstOmitted == nil { firstOmitted = "position \(position) \(reason)" }
    }

    private mutating func append(_ action: Action, at position: UInt64, time: Int, delivery: Int? = nil) {
        precondition(time >= duration, "a step at \(time) ns after one at \(duration) ns")
        steps.append(Step(position: position, time: time, action: action, delivery: delivery))
    }

    /// Stores bytes; a body that is delivered as it is is stored once.
    private mutating func store(_ body: [UInt8], sharedWith delivery: Int?) -> Range<Int> {
        if let delivery, bytes[deliveries[delivery].payload].elementsEqual(body) { return deliveries[delivery].payload }
        let start = bytes.count
        bytes += body
        return start..<bytes.count
    }
}
