/// What driving a recorded session once more came to.
public struct RedriveReport: Codable, Equatable, Sendable {
    /// Where a server first differs from the recording.
    public struct Difference: Codable, Equatable, Sendable {
        /// The recorded position.
        public var position: UInt64
        /// The recorded id of the connection that received something else; none if it was a back end's call.
        public var connectionId: String?
        /// What the log says that comes next; nothing if nothing does.
        public var expected: Content?
        /// What came; nothing if nothing came.
        public var received: Content?
        /// What is wrong, in a sentence.
        public var reason: String
    }

    /// A message, as far as it can be shown.
    public struct Content: Codable, Equatable, Sendable {
        /// `text` or `binary`.
        public var opcode: String
        /// Its length.
        public var bytes: Int
        /// Its first bytes as text; what is no UTF-8 becomes U+FFFD.
        public var body: String

        static let shownBytes = 200

        init(isText: Bool, _ payload: some Collection<UInt8>) {
            opcode = isText ? "text" : "binary"
            bytes = payload.count
            body = String(decoding: payload.prefix(Self.shownBytes), as: UTF8.self)
        }
    }

    /// Offered against achieved times.
    public struct Timing: Codable, Equatable, Sendable {
        /// Seconds from the first step to the last, as the recording has them at this speed.
        public var secondsOffered: Double
        /// Times between steps, as the recording has them at this speed.
        public var offeredGaps: WorkloadReport.Percentiles
        /// Times between steps, as they were.
        public var achievedGaps: WorkloadReport.Percentiles
        /// From when a step was due until it was done.
        public var lateness: WorkloadReport.Percentiles
    }

    /// The server.
    public var url: String
    /// How many times faster than recorded; nil for as fast as order allows.
    public var speed: Double?
    /// Connections in the recording.
    public var connections: Int
    /// Steps in the recording: connects, messages, posts, ends.
    public var steps: Int
    /// Steps that were done.
    public var stepsDone: Int
    /// Recorded steps that cannot be done again.
    public var omitted: Int
    /// The first of these.
    public var firstOmitted: String?
    /// Messages that were received and agree with the recording.
    public var deliveriesCompared: Int
    /// The first difference; nil if there is none.
    public var difference: Difference?
    /// Steps that were due and had to wait until what came before them had been seen.
    public var stepsThatWaited: Int
    /// How long they waited together, seconds.
    public var secondsWaited: Double
    /// Seconds from the first step to the last.
    public var seconds: Double
    /// Nil for as fast as order allows.
    public var timing: Timing?
}

extension RedriveReport.Content: CustomStringConvertible {
    /// One line; control characters are shown, not obeyed.
    public var description: String {
        let shown = body.unicodeScalars.map { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator: "\u{FFFD}" as Unicode.Scalar
            default: scalar
            }
        }
        return "\(opcode), \(bytes) B: \(String(String.UnicodeScalarView(shown)))\(bytes > Self.shownBytes ? "…" : "")"
    }
}

/// Counts what the report says of times.
struct RedriveTiming {
    private var offeredGaps = LatencyHistogram()
    private var achievedGaps = LatencyHistogram()
    private var lateness = LatencyHistogram()
    private var last: (due: Int, done: Int)?
    private var first: Int?
    private var waitingSince: Int?
    private(set) var stepsThatWaited = 0
    private(set) var nanosecondsWaited = 0

    /// Nanoseconds from the first step to the last.
    var elapsed: Int { (last?.done ?? 0) - (first ?? 0) }

    /// The next step is due and may not be done yet.
    mutating func noteWaiting(at moment: Int) {
        if waitingSince == nil { waitingSince = moment }
    }

    /// A step was done.
    mutating func noteStep(due: Int, at moment: Int) {
        if let since = waitingSince {
            stepsThatWaited += 1
            nanosecondsWaited += moment - since
            waitingSince = nil
        }
        lateness.record(moment - due)
        if let last {
            offeredGaps.record(due - last.due)
            achievedGaps.record(moment - last.done)
        }
        if first == nil { first = moment }
        last = (due, moment)
    }

    /// The figures of a run that keeps times.
    ///
    /// - Parameter duration: nanoseconds that the recording takes at this speed.
    func report(duration: Int) -> RedriveReport.Timing {
        RedriveReport.Timing(
            secondsOffered: Double(duration) / 1e9, offeredGaps: .init(offeredGaps), achievedGaps: .init(achievedGaps),
            lateness: .init(lateness))
    }
}
