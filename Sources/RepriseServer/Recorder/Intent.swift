internal import NIOCore
internal import Reprise

/// What a gateway asks the Recorder to write: a fact without position and time.
struct Intent: Sendable {
    /// The fact.
    var fact: Fact
    /// The shard that asked, whose loop is told of a refusal.
    var shard: Int
    /// Where a management call waits for what became of it.
    var reply: EventLoopPromise<SendOutcome>?

    /// What the intent costs while it is in flight, bytes: its payload and a share of what surrounds it.
    var weight: Int {
        switch fact {
        case .message(let message): Intent.weight(ofMessage: message.body.readableBytes)
        case .sent(let sent): Intent.weight(ofMessage: sent.body.readableBytes)
        case .connected(let connected):
            connected.headers.reduce(1024 + connected.query.utf8.count) {
                $0 + $1.name.utf8.count + $1.value.utf8.count
            }
        default: 1024
        }
    }
}

extension Intent {
    /// The weight of a message whose payload has this many bytes.
    static func weight(ofMessage payloadBytes: Int) -> Int { payloadBytes + 256 }
}

/// What became of an ordered delivery.
enum SendOutcome: Sendable {
    /// It is in the log and addressed this many connections.
    case committed(Position, recipients: Int)
    /// The log refuses for now; nothing was recorded.
    case refused
}
