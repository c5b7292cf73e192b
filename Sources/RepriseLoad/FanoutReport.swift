/// What a fan-out run measured, and whether the figures may be believed. A plain value for any encoder; nothing in it
/// refers to the run.
public struct FanoutReport: Sendable, Equatable, Codable {
    /// Whether every rule held.
    public enum Verdict: String, Sendable, Codable {
        case valid = "VALID"
        case invalid = "INVALID"
    }

    /// Percentiles of a set of durations, in microseconds.
    public struct Latency: Sendable, Equatable, Codable {
        /// A point of the percentile curve.
        public struct Point: Sendable, Equatable, Codable {
            /// 0…100.
            public var percent: Double
            /// The duration.
            public var microseconds: Double
        }

        /// Durations recorded; 0 makes all other figures 0.
        public var count: UInt64
        /// The mean.
        public var mean: Double
        /// The median.
        public var p50: Double
        /// 90 % took no longer.
        public var p90: Double
        /// 99 % took no longer.
        public var p99: Double
        /// 99.9 % took no longer.
        public var p999: Double
        /// The longest.
        public var max: Double
        /// The curve for a plot: denser towards 100 %.
        public var curve: [Point]

        /// The percentiles of a histogram of nanoseconds.
        public init(_ histogram: LatencyHistogram) {
            func microseconds(_ percent: Double) -> Double { Double(histogram.percentile(percent)) / 1000 }
            count = histogram.count
            mean = histogram.mean / 1000
            p50 = microseconds(50)
            p90 = microseconds(90)
            p99 = microseconds(99)
            p999 = microseconds(99.9)
            max = Double(histogram.max) / 1000
            let percents: [Double] = [
                0, 10, 20, 30, 40, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 97, 98, 99, 99.5, 99.9, 99.95, 99.99, 99.999,
                100,
            ]
            curve = percents.map { Point(percent: $0, microseconds: microseconds($0)) }
        }
    }

    /// One second of the run.
    public struct Second: Sendable, Equatable, Codable {
        /// Seconds since the first message, at the end of the interval.
        public var atSeconds: Double
        /// Deliveries received per second in the interval.
        public var deliveriesPerSecond: Double
        /// Messages sent per second in the interval.
        public var messagesPerSecond: Double
    }

    // Where it comes from.
    /// What the user calls the series; empty if unnamed.
    public var label = ""
    /// `git describe --always --dirty` of the folder that the bench ran in, and the build's version, such as
    /// "9dd4494-dirty (0.1.0)"; "unknown" for what is not known.
    public var revision = "unknown"
    /// When the run began: ISO 8601, UTC, whole seconds.
    public var date = ""
    /// The computer.
    public var machine = Machine()
    /// When the server calls a message safe: "always", "interval", "never", whatever a foreign server calls it, or
    /// "unknown".
    public var durability = "unknown"
    /// The flags that the bench's own server was given beyond port, data folder and output; nil for a server that ran
    /// already.
    public var serveFlags: [String]?
    /// CPUs that the server was pinned to, as a list such as "0" or "0,2-3"; nil if it was not, or not by the bench.
    public var serverCPUs: String?
    /// CPUs that the generator was pinned to; nil if it was not.
    public var generatorCPUs: String?
    /// The command line that ran it, word for word; nil if it was not a command.
    public var commandLine: [String]?

    // The plan.
    /// Where the run connected to.
    public var url = ""
    /// How messages were wrapped: "aws" or "none".
    public var envelope = ""
    /// Connections, stalled ones included.
    public var clients = 0
    /// Clients that also sent.
    public var senders = 0
    /// Clients that never read.
    public var stalledClients = 0
    /// Clients that left and were replaced during the run.
    public var churnedClients = 0
    /// "window 64" or "rate 1000.0/s".
    public var mode = ""
    /// Bytes of one delivered payload.
    public var payloadBytes = 0
    /// Seed of the random keys.
    public var seed: UInt64 = 0
    /// Share of the messages that the server has to refuse with an error frame to their sender, 0…1.
    public var errorShare: Double = 0

    // The whole run, warm-up and drain included: this is what was verified.
    /// Messages sent that were to be broadcast.
    public var messagesSent = 0
    /// Messages times receiving clients; for clients that joined or left, the messages of their time.
    public var expectedDeliveries = 0
    /// Deliveries that came, each (client, message) counted once.
    public var receivedDeliveries = 0
    /// Messages sent that the server had to refuse, each with one error frame to its sender.
    public var errorsExpected = 0
    /// Error frames that came to the sender of such a message.
    public var errorsReceived = 0

    // The measured interval.
    /// Seconds measured.
    public var seconds: Double = 0
    /// Messages sent in the measured time.
    public var measuredMessages = 0
    /// Deliveries received in the measured time.
    public var measuredDeliveries = 0
    /// Measured deliveries divided by measured seconds.
    public var deliveriesPerSecond: Double = 0
    /// From (intended) sending until the *last* receiving client had the message.
    public var latency = Latency(LatencyHistogram())
    /// From (intended) sending until one client had it; sampled, weighted by deliveries.
    public var deliveryLatency = Latency(LatencyHistogram())
    /// Every second of the run, in order.
    public var throughput: [Second] = []

    // The cost, in the measured interval.
    /// CPU seconds of this process.
    public var generatorCPUSeconds: Double = 0
    /// CPU seconds divided by seconds; close to 1, the generator is what was measured.
    public var generatorCPUShare: Double = 0
    /// Share of the time in which the generator was ready to run and had no CPU.
    public var generatorStarvedShare: Double = 0
    /// Nil without a server process.
    public var serverCPUSeconds: Double?
    /// The server's CPU seconds divided by seconds: 1 is one core in full use. Nil without a server process.
    public var serverCPUShare: Double?
    /// The server's CPU nanoseconds for one delivery; nil without a server process.
    public var cpuNanosecondsPerDelivery: Double?
    /// Resident bytes of the server before the first connection.
    public var serverResidentBytesBefore: Int?
    /// Resident bytes with all clients connected and idle.
    public var serverResidentBytesConnected: Int?
    /// The most resident bytes that the server ever had.
    public var serverResidentBytesPeak: Int?

    // Connecting.
    /// Seconds from the first connect to the last upgrade.
    public var connectSeconds: Double = 0
    /// Clients divided by `connectSeconds`.
    public var connectsPerSecond: Double = 0

    // The judgement.
    /// Open loop: messages that left more than 5 ms after their intended time through the generator's own fault.
    public var lateSends = 0
    /// Receiving clients that the server closed.
    public var lostClients = 0
    /// Stalled clients that the server closed: its right.
    public var stalledClientsClosed = 0
    /// Clients that fell further behind than the reference reaches. They are verified, but no latency counts them.
    public var laggingClients = 0
    /// Whether every rule held.
    public var verdict = Verdict.valid
    /// The rules that failed, a sentence each; empty if VALID. Long lists are cut, and say so.
    public var failedRules: [String] = []
    /// What a reader should know although no rule failed.
    public var notes: [String] = []

    /// An empty report.
    public init() {}

    /// Notes a rule that failed.
    mutating func fail(_ rule: String) {
        failedRules.append(rule)
        verdict = .invalid
    }
}
