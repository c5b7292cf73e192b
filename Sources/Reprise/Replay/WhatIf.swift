// One recording under two sets of rules: what would have been delivered differently. Who is connected is taken from the
// recording; only what becomes of messages is decided again.

internal import NIOCore

/// Rules for messages: those that were recorded, or others.
public struct MessageRules: Sendable {
    /// Routes, and the size of frames; `nil` applies what was recorded.
    public var configuration: EngineConfiguration?
    /// The most bytes in a message; a larger one would have closed its sender with 1009.
    public var messageBytesMax: Int
    /// Whether binary messages are accepted; otherwise one would have closed its sender with 1003.
    public var allowsBinary: Bool

    /// What was recorded.
    public static let recorded = MessageRules(configuration: nil, messageBytesMax: .max, allowsBinary: true)

    /// Makes rules.
    public init(configuration: EngineConfiguration?, messageBytesMax: Int, allowsBinary: Bool) {
        self.configuration = configuration
        self.messageBytesMax = messageBytesMax
        self.allowsBinary = allowsBinary
    }

    /// What becomes of a message.
    fileprivate func verdict(on message: Message) -> WhatIf.Verdict {
        guard let configuration else { return .outcome(message.outcome) }
        if message.opcode == .binary, !allowsBinary { return .closes(.unsupportedData) }
        if message.body.readableBytes > messageBytesMax { return .closes(.messageTooBig) }
        return .outcome(configuration.routes.outcome(of: message.body.readableBytesSpan, opcode: message.opcode))
    }
}

/// Compares what two sets of rules make of one session.
///
/// Owner: one thread. A sender that one set of rules would have closed stays connected in the comparison, and what it sent
/// afterwards counts: what it would have done instead is in no recording.
public struct WhatIf: Sendable {
    /// What becomes of a message.
    public enum Verdict: Equatable, Sendable {
        /// It takes a route, or is refused.
        case outcome(RouteOutcome)
        /// It closes its sender.
        case closes(CloseCode)
    }

    /// What one set of rules makes of an event.
    public struct Result: Equatable, Sendable {
        /// What becomes of the message; `nil` for what the management API sent.
        public var verdict: Verdict?
        /// What is delivered, if anybody gets it.
        public var planned: PlannedDelivery?
        /// Into how many frames the payload is split, if anybody gets it.
        public var frames: Int
    }

    /// The first difference.
    public struct First: Sendable {
        /// The event.
        public var event: Event
        /// What the rules on the left make of it.
        public var left: Result
        /// What the rules on the right make of it.
        public var right: Result
    }

    /// What differs, counted. One message may count more than once.
    public struct Counts: Equatable, Sendable {
        /// Messages that were looked at.
        public var messages: UInt64 = 0
        /// Sends of the management API that were looked at.
        public var sends: UInt64 = 0
        /// Messages that take another route.
        public var otherRoute: UInt64 = 0
        /// Messages that are refused on the right only.
        public var newlyRefused: UInt64 = 0
        /// Messages that are refused on the left only.
        public var newlyAccepted: UInt64 = 0
        /// Messages that are refused for another reason.
        public var otherRefusal: UInt64 = 0
        /// Messages that close their sender on one side only, or with another code.
        public var closing: UInt64 = 0
        /// Events that deliver on both sides, but other bytes or another opcode.
        public var otherPayload: UInt64 = 0
        /// Events whose payload is the same, but in another number of frames.
        public var otherFrames: UInt64 = 0
        /// Events that go to others, or to more or fewer.
        public var otherRecipients: UInt64 = 0
        /// Recipients on the left, summed over all events.
        public var recipientsLeft: UInt64 = 0
        /// Recipients on the right.
        public var recipientsRight: UInt64 = 0
        /// Recipients that only the right has, by number, summed over the events that have more.
        public var recipientsMore: UInt64 = 0
        /// Recipients that only the left has, by number.
        public var recipientsFewer: UInt64 = 0
        /// Events that differ in anything.
        public var differing: UInt64 = 0
    }

    /// The counts so far.
    public private(set) var counts = Counts()
    /// The first difference.
    public private(set) var first: First?
    /// The first position that was compared.
    public let start: Position
    /// The last event that was folded.
    public var last: Position { projection.position }
    private let left: MessageRules
    private let right: MessageRules
    private var projection: Projection
    /// What was recorded for the session.
    private var recorded: EngineConfiguration
    private var reader: LogReader
    private let end: Position

    /// Prepares the comparison of a session.
    ///
    /// - Parameters:
    ///   - start: events before it are folded only.
    ///   - last: the last position to look at.
    public init(
        _ log: EventLog, session: Session, from start: Position? = nil, through last: Position? = nil,
        left: MessageRules = .recorded, right: MessageRules
    ) throws(LogError) {
        let engine = try Engine(before: session, in: log)
        projection = engine.projection
        recorded = engine.session?.configuration ?? EngineConfiguration()
        reader = try LogReader(log, from: projection.position.next)
        self.start = max(start ?? reader.next, reader.next)
        let tail = try log.tail().position
        end = min(last ?? tail, session.last ?? tail)
        self.left = left
        self.right = right
    }

    /// Compares to the end.
    ///
    /// - Parameter note: is given the position that was reached, from time to time.
    public mutating func run(note: (Position) -> Void = { _ in }) throws(LogError) {
        var events: [Event] = []
        while reader.next <= end {
            try reader.read(through: end, into: &events)
            if events.isEmpty { return }
            for event in events { take(event) }
            note(last)
        }
    }

    private mutating func take(_ event: Event) {
        switch event.fact {
        case .sessionStarted(let started): recorded = started.configuration
        case .message, .sent: if event.position >= start { compare(event) }
        case .connected, .disconnected, .skipped, .sessionEnded: break
        }
        Projector.fold(event, into: &projection)
    }

    private mutating func compare(_ event: Event) {
        let (one, other) = (result(of: event, left), result(of: event, right))
        if case .message = event.fact { counts.messages += 1 } else { counts.sends += 1 }
        counts.recipientsLeft += one.planned?.recipients ?? 0
        counts.recipientsRight += other.planned?.recipients ?? 0
        guard one != other else { return }
        counts.note(one, other)
        if first == nil { first = First(event: event, left: one, right: other) }
    }

    private func result(of event: Event, _ rules: MessageRules) -> Result {
        let configuration = rules.configuration ?? recorded
        var event = event
        var verdict: Verdict?
        if case .message(var message) = event.fact {
            verdict = rules.verdict(on: message)
            guard case .outcome(let outcome)? = verdict else {
                return Result(verdict: verdict, planned: nil, frames: 0)
            }
            message.outcome = outcome
            event.fact = .message(message)
        }
        let planned = PlannedDelivery(of: event, under: configuration, to: projection)
        let bytes = planned?.payload.readableBytes ?? 0
        let frames = planned == nil ? 0 : max(1, (bytes - 1) / configuration.frameBytesMax + 1)
        return Result(verdict: verdict, planned: planned, frames: frames)
    }
}

extension WhatIf.Counts {
    fileprivate mutating func note(_ left: WhatIf.Result, _ right: WhatIf.Result) {
        differing += 1
        if left.verdict != right.verdict {
            switch (left.verdict, right.verdict) {
            case (.outcome(.route)?, .outcome(.route)?): otherRoute += 1
            case (.outcome(.route)?, .outcome(.refused)?): newlyRefused += 1
            case (.outcome(.refused)?, .outcome(.route)?): newlyAccepted += 1
            case (.outcome(.refused)?, .outcome(.refused)?): otherRefusal += 1
            default: closing += 1
            }
        }
        let (old, new) = (left.planned?.recipients ?? 0, right.planned?.recipients ?? 0)
        if old != new || left.planned?.recipientSum != right.planned?.recipientSum { otherRecipients += 1 }
        if new > old { recipientsMore += new - old } else { recipientsFewer += old - new }
        guard let one = left.planned, let other = right.planned else { return }
        if !one.carriesSame(as: other) {
            otherPayload += 1
        } else if left.frames != right.frames {
            otherFrames += 1
        }
    }

    /// Every count with its name in JSON.
    package static var fields: [(name: StaticString, path: WritableKeyPath<WhatIf.Counts, UInt64>)] {
        [
            ("messages", \.messages), ("sends", \.sends), ("differing", \.differing), ("otherRoute", \.otherRoute),
            ("newlyRefused", \.newlyRefused), ("newlyAccepted", \.newlyAccepted), ("otherRefusal", \.otherRefusal),
            ("closing", \.closing), ("otherPayload", \.otherPayload), ("otherFrames", \.otherFrames),
            ("otherRecipients", \.otherRecipients), ("recipientsLeft", \.recipientsLeft),
            ("recipientsRight", \.recipientsRight), ("recipientsMore", \.recipientsMore),
            ("recipientsFewer", \.recipientsFewer),
        ]
    }
}
