// "Why did this client not get that message?", answered from the log alone.

internal import NIOCore

/// Explains events to one connection, in ascending order of position. O(1) memory beside one chunk of the log.
///
/// Owner: one thread.
public struct Explainer: Sendable {
    /// What the log says of the connection.
    public private(set) var history: ConnectionHistory
    private let log: EventLog
    private var skipped: SkippedRanges
    /// The routes of the session that the events are in.
    private var configuration: EngineConfiguration

    /// Prepares to explain the events from `first` on, or returns `nil` where the log does not know the connection.
    ///
    /// - Parameter first: a position that the log holds.
    public init?(of connection: ConnectionID, in log: EventLog, from first: Position) throws(LogError) {
        guard let history = try ConnectionHistory(of: connection, in: log) else { return nil }
        guard let session = try log.sessions().last(where: { $0.first <= first }) else {
            throw .damaged(position: first, reason: "it is outside of any session")
        }
        self.log = log
        self.history = history
        configuration = try log.start(of: session).configuration
        skipped = try SkippedRanges(of: connection, in: log, from: first)
    }

    /// Looks the connection up again: beside a running server it may have ended, and more may have left.
    public mutating func refresh() throws(LogError) {
        guard history.closing == nil else { return }
        if let now = try ConnectionHistory(of: history.connection, in: log) { history = now }
    }

    /// Explains an event.
    public mutating func explain(_ event: Event) throws(LogError) -> Explanation {
        try explain(event, delivery(of: event))
    }

    /// What the event orders, whoever is live.
    mutating func delivery(of event: Event) -> Delivery? {
        if case .sessionStarted(let started) = event.fact { configuration = started.configuration }
        return Delivery(of: event, under: configuration)
    }

    /// Bytes of the frames that a payload is sent in.
    func frameBytes(of payload: ByteBuffer) -> Int {
        FrameEncoder.encodedByteCount(
            payloadByteCount: payload.readableBytes, frameBytesMax: configuration.frameBytesMax)
    }

    mutating func explain(_ event: Event, _ delivery: Delivery?) throws(LogError) -> Explanation {
        let position = event.position
        var verdict = history.verdict(at: position, target: delivery?.target, isSkipped: false)
        var gap: SkippedRanges.Gap?
        // Gaps matter to nothing else; and they are looked for far ahead.
        if [.delivered, .cutOff, .unknown].contains(verdict) {
            gap = try skipped.gap(around: position, through: history.end)
            verdict = history.verdict(at: position, target: delivery?.target, isSkipped: gap != nil)
        }
        return Explanation(
            position: position, event: event.fact.word, verdict: verdict, target: delivery?.target,
            gap: gap, history: history)
    }
}
