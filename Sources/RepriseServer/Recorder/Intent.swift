internal import NIOCore
internal import Reprise

/// What a loop asks the Recorder to write: a fact without position and time, and what it orders.
struct Intent: Sendable {
    /// The fact.
    var fact: Fact
    /// The shard that asked, whose loop is told of a refusal.
    var shard: Int
    /// What the fact orders; it was decided on the shard's loop.
    var delivery: Delivery?
    /// Where a management call waits for what became of it.
    var reply: EventLoopPromise<SendOutcome>?

    init(fact: Fact, shard: Int, delivery: Delivery? = nil, reply: EventLoopPromise<SendOutcome>? = nil) {
        self.fact = fact
        self.shard = shard
        self.delivery = delivery
        self.reply = reply
    }

    /// Whether it happened already, so that it can be kept but not refused.
    var isFact: Bool {
        switch fact {
        case .disconnected, .skipped, .sessionStarted, .sessionEnded: true
        case .connected, .message, .sent: false
        }
    }

    /// What the intent costs.
    var weight: IntentWeight {
        switch fact {
        case .message(let message):
            var textBytes = 0
            if case .carried(let text) = delivery?.payload { textBytes = text.readableBytes }
            return IntentWeight(bodyBytes: message.body.readableBytes, textBytes: textBytes)
        case .sent(let sent):
            return IntentWeight(bodyBytes: sent.body.readableBytes)
        case .connected(let connected):
            let bytes = connected.headers.reduce(1024 + connected.query.utf8.count) {
                $0 + $1.name.utf8.count + $1.value.utf8.count
            }
            return IntentWeight(logBytes: bytes, memoryBytes: bytes)
        case .disconnected, .skipped, .sessionStarted, .sessionEnded:
            return IntentWeight(logBytes: 1024, memoryBytes: 1024)
        }
    }
}

/// What intents cost, bytes.
struct IntentWeight: Sendable {
    /// In the log, and in a transaction.
    var logBytes = 0
    /// In memory, while they are in flight.
    var memoryBytes = 0

    /// Nothing.
    static let zero = IntentWeight(logBytes: 0, memoryBytes: 0)

    init(logBytes: Int, memoryBytes: Int) {
        self.logBytes = logBytes
        self.memoryBytes = memoryBytes
    }

    /// Of a message, or of what a management call sends: the body, a payload that was written anew, and a share of what
    /// surrounds them.
    init(bodyBytes: Int, textBytes: Int = 0) {
        logBytes = bodyBytes + 256
        memoryBytes = bodyBytes + textBytes + 256
    }

    /// Of all of them.
    init(of intents: [Intent]) {
        for intent in intents { self += intent.weight }
    }

    static func += (left: inout IntentWeight, right: IntentWeight) {
        left.logBytes += right.logBytes
        left.memoryBytes += right.memoryBytes
    }
}

/// What became of an ordered delivery.
enum SendOutcome: Sendable {
    /// It is in the log and addressed this many connections.
    case committed(Position, recipients: Int)
    /// The log refuses for now; nothing was recorded.
    case refused
}
