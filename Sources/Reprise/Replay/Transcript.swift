// Everything that one connection sent and was sent, in order of position.

public import NIOCore

/// Makes the transcript of one connection out of the events of its log, in order. Memory does not grow with its length.
///
/// What is not in the log is not in a transcript either: handshakes, pongs, Close frames, and the refusals of a log that
/// is full.
///
/// Owner: one thread.
public struct Transcript: Sendable {
    /// A line of the transcript.
    public struct Entry: Equatable, Sendable {
        /// The event that it comes from.
        public var position: Position
        /// When it was stamped.
        public var time: Timestamp
        /// What happened.
        public var content: Content
    }

    /// What happened.
    public enum Content: Equatable, Sendable {
        /// The connection was opened.
        indirect case opened(Connected)
        /// The client sent a message.
        case received(Message)
        /// The client was sent a delivery, or would have been.
        case sent(Outbound)
        /// The connection was moved past a range of positions, whose deliveries have the fate `skipped`.
        case skipped(Skipped)
        /// The connection ended.
        indirect case closed(Disconnected)
    }

    /// A delivery that addressed the connection while it was in the log.
    public struct Outbound: Equatable, Sendable {
        /// Whose message ordered it; `nil` where the management API did.
        public var sender: ConnectionID?
        /// Text or binary.
        public var opcode: MessageOpcode
        /// The WebSocket payload.
        public var payload: ByteBuffer
        /// Bytes of the frames that carry it.
        public var frameBytes: Int
        /// What became of it: `delivered`, `cutOff`, `skipped`, or `unknown` if nobody knows (yet).
        public var fate: Verdict
    }

    /// The first position to be looked at: that of the `connected`, or, where a trim has taken that away, the first
    /// position of the log.
    public let first: Position
    private var explainer: Explainer

    /// What the log says of the connection as a whole; it is kept up to date by `refresh`.
    public var history: ConnectionHistory { explainer.history }

    /// The connection's `connected`, also where a trim has taken it away.
    public var opened: Entry {
        let opening = history.opening
        return Entry(position: opening.position, time: opening.time, content: .opened(opening.connected))
    }

    /// Prepares the transcript of a connection, or returns `nil` where the log does not know it.
    ///
    /// - Parameter start: nothing before this position is wanted.
    public init?(of connection: ConnectionID, in log: EventLog, from start: Position? = nil) throws(LogError) {
        guard let opened = try log.span(of: connection)?.opened, let held = try log.firstPosition() else { return nil }
        first = max(opened, held, start ?? .zero)
        guard let explainer = try Explainer(of: connection, in: log, from: first) else { return nil }
        self.explainer = explainer
    }

    /// Looks the connection up again: beside a running server it may have ended, and more may have left.
    public mutating func refresh() throws(LogError) { try explainer.refresh() }

    /// What an event adds: the message that it is, then what it ordered.
    ///
    /// - Parameter event: the events from `first` to `history.end`, in order; those that follow are taken as well, and
    ///   what became of a delivery behind `history.end` is `unknown` until the next `refresh`.
    public mutating func entries(of event: Event) throws(LogError) -> [Entry] {
        var entries: [Entry] = []
        func add(_ content: Content) {
            entries.append(Entry(position: event.position, time: event.time, content: content))
        }
        let connection = history.connection
        switch event.fact {
        case .connected(let connected) where connected.connection == connection: add(.opened(connected))
        case .disconnected(let disconnected) where disconnected.connection == connection: add(.closed(disconnected))
        case .skipped(let skipped) where skipped.connection == connection: add(.skipped(skipped))
        case .message(let message):
            if message.connection == connection { add(.received(message)) }
            if let outbound = try outbound(event, from: message.connection) { add(.sent(outbound)) }
        case .sent:
            if let outbound = try outbound(event, from: nil) { add(.sent(outbound)) }
        case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded: break
        }
        return entries
    }

    private mutating func outbound(_ event: Event, from sender: ConnectionID?) throws(LogError) -> Outbound? {
        guard let delivery = explainer.delivery(of: event), delivery.addresses(history.connection) else { return nil }
        let verdict = try explainer.explain(event, delivery).verdict
        switch verdict {
        case .notYetConnected, .alreadyDisconnected, .notAddressed: return nil
        case .delivered, .cutOff, .skipped, .unknown: break
        }
        let payload = delivery.payload(of: event)
        return Outbound(
            sender: sender, opcode: delivery.opcode, payload: payload, frameBytes: explainer.frameBytes(of: payload),
            fate: verdict)
    }
}
