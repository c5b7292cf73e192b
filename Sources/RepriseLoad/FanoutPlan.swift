/// What a fan-out run does: how many clients, who sends how fast, for how long, and what the server is expected to
/// answer. A plan is a plain value; ``check()`` says whether it can be run.
public struct FanoutPlan: Sendable, Equatable {
    /// How the sending is paced.
    public enum Pace: Sendable, Equatable {
        /// At most so many messages are unfinished at a time (all senders together). A message is finished when every
        /// receiving client has received it. 1 is ping-pong.
        case window(Int)
        /// Open loop: messages per second (all senders together), sent at intended times whatever the server does;
        /// latency counts from the *intended* time.
        case rate(Double)
    }

    /// How a message is wrapped for the server and what comes back.
    public enum Envelope: String, Sendable, Equatable, CaseIterable {
        /// Sends `{"action":"onMessage","data":"TEXT"}` and expects the JSON string `"TEXT"`, quotes included.
        case aws
        /// Sends `TEXT` and expects `TEXT`.
        case none
    }

    /// `ws://host:port/path?query`, or `wss://` for TLS; IPv4.
    public var url: String
    /// How messages are wrapped.
    public var envelope: Envelope = .aws
    /// Connections, 1 or more.
    public var clients: Int = 1000
    /// The first so many clients also send, in turn; 1…`clients - stalledClients`.
    public var senders: Int = 1
    /// The last so many clients never read after the upgrade; they are not among the receivers.
    public var stalledClients: Int = 0
    /// Clients per second that leave and are replaced by new ones during the run; 0 for none. Senders stay.
    public var churnPerSecond: Double = 0
    /// How the sending is paced.
    public var pace: Pace = .window(64)
    /// Payload bytes of one *delivered* message (with `aws` its two quotes count), 24…16 777 216.
    public var payloadBytes: Int = 64
    /// Share of the messages that are bodies without `data`, which the server must answer with one error frame to
    /// their sender; `aws` only, 0…0.9. They count in window and rate, but not as deliveries, and in no latency.
    public var errorShare: Double = 0
    /// Seconds measured, after the warm-up.
    public var seconds: Double = 5
    /// Seconds of the same load before the measurement. They are verified like the rest, but not measured.
    public var warmUpSeconds: Double = 1
    /// Seed of the mask keys and upgrade keys.
    public var seed: UInt64 = 1
    /// Process whose CPU and memory are the server's; nil if unknown.
    public var serverPID: Int32?
    /// Connections being opened at one time.
    public var connectsInFlightMax: Int = 256
    /// Seconds without any delivery (or any finished connect) after which the run ends.
    public var progressTimeoutSeconds: Double = 10
    /// Bytes of the reference stream that are kept, a power of two; nil chooses it from window and payload. A client
    /// that falls further behind than this is reported as lagging.
    public var referenceBytesMax: Int?
    /// Microseconds for which the generator polls before it sleeps. 0 sleeps at once; more keeps the server from paying
    /// for wake-ups, at the price of the generator's own CPU.
    public var spinMicroseconds: Int = 0

    /// A plan with the default values for a server at `url`.
    public init(url: String) {
        self.url = url
    }

    /// The clients that read.
    public var receivers: Int { clients - stalledClients }

    /// Descriptors that a run's generator, or its server, may need: the connections, those that churn and are not
    /// closed yet, and files.
    var descriptors: Int { clients + Int(churnPerSecond.rounded(.up)) + 64 }

    /// The smallest payload that always has room for sender, sequence and quotes.
    static let payloadBytesMin = 24
    /// Unfinished messages in open loop, after which the run is given up.
    static let outstandingMax = 1 << 20

    /// Whether the numbers agree with each other.
    ///
    /// - Throws: ``LoadError/invalidPlan(_:)`` with the first rule that fails.
    public func check() throws(LoadError) {
        func require(_ holds: Bool, _ sentence: @autoclosure () -> String) throws(LoadError) {
            if !holds { throw .invalidPlan(sentence()) }
        }
        try require((1...1_000_000).contains(clients), "clients must be 1…1000000, not \(clients)")
        try require(stalledClients >= 0, "stalled clients must not be negative")
        try require((1...99_999).contains(senders), "senders must be 1…99999, not \(senders)")
        try require(senders <= receivers, "\(senders) senders need as many clients that read; there are \(receivers)")
        try require(
            (Self.payloadBytesMin...(16 << 20)).contains(payloadBytes),
            "payload must be \(Self.payloadBytesMin)…\(16 << 20) bytes, not \(payloadBytes)")
        try require((0...0.9).contains(errorShare), "the error share must be 0…0.9, not \(errorShare)")
        try require(
            errorShare == 0 || envelope == .aws, "an error share needs the envelope aws: only it has error frames")
        try require(seconds > 0 && seconds <= 86_400, "seconds must be above 0 and at most a day")
        try require(warmUpSeconds >= 0 && warmUpSeconds <= 3_600, "warm-up must be 0…3600 seconds")
        try require(connectsInFlightMax >= 1, "connects in flight must be 1 or more")
        try require(progressTimeoutSeconds > 0, "the progress timeout must be above 0")
        try require(churnPerSecond >= 0 && churnPerSecond <= 100_000, "churn must be 0…100000 clients per second")
        try require(
            churnPerSecond == 0 || senders < receivers, "churn needs clients that read and do not send")
        switch pace {
        case .window(let window):
            try require((1...65_536).contains(window), "the window must be 1…65536 messages, not \(window)")
            try require(
                window * payloadBytes <= 1 << 30, "window times payload must stay within 1 GiB")
        case .rate(let rate):
            try require(rate > 0 && rate <= 10_000_000, "the rate must be above 0 and at most 10000000 per second")
        }
        if let bytes = referenceBytesMax {
            try require(
                bytes.nonzeroBitCount == 1 && bytes >= referenceBytesMin,
                "reference bytes must be a power of two, at least \(referenceBytesMin)")
        }
    }

    /// Twice what can be in flight (window), or a few frames (open loop), and never less than 64 KiB.
    private var referenceBytesMin: Int {
        let frame = payloadBytes + 14
        return switch pace {
        case .window(let window): max(2 * (window + 1) * frame, 64 << 10)
        case .rate: max(8 * frame, 64 << 10)
        }
    }

    /// The reference's size: small enough to stay in the cache in the window modes, 32 MiB or more in open loop.
    var referenceBytes: Int {
        if let referenceBytesMax { return referenceBytesMax }
        let floor =
            switch pace {
            case .window: 256 << 10
            case .rate: 32 << 20
            }
        return 1 << (Int.bitWidth - (max(referenceBytesMin, floor) - 1).leadingZeroBitCount)
    }
}
