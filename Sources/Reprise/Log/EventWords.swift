// The words that stand for enumerations in exports and on screen. They are a contract, so they are spelled out here
// and do not depend on how a case is named.

extension Fact {
    /// The word for the kind of fact, as exports and `--event` spell it.
    public var word: String {
        switch self {
        case .sessionStarted: "sessionStarted"
        case .connected: "connected"
        case .message: "message"
        case .sent: "sent"
        case .disconnected: "disconnected"
        case .skipped: "skipped"
        case .sessionEnded: "sessionEnded"
        }
    }

    /// The words of every kind, in the order of the record format.
    public static let words = [
        "sessionStarted", "connected", "message", "sent", "disconnected", "skipped", "sessionEnded",
    ]

    /// The connection that the fact is about: the one that opened, spoke, closed or was skipped, or the only one that
    /// an ordered delivery addresses.
    public var connection: ConnectionID? {
        switch self {
        case .connected(let connected): connected.connection
        case .message(let message): message.connection
        case .disconnected(let disconnected): disconnected.connection
        case .skipped(let skipped): skipped.connection
        case .sent(let sent):
            switch sent.target {
            case .everyone: nil
            case .connection(let connection): connection
            }
        case .sessionStarted, .sessionEnded: nil
        }
    }
}

extension DisconnectCause {
    /// The word for the cause.
    public var word: String {
        switch self {
        case .client: "client"
        case .idle: "idle"
        case .lifetime: "lifetime"
        case .slowConsumer: "slowConsumer"
        case .protocol: "protocol"
        case .deleted: "deleted"
        case .shutdown: "shutdown"
        case .lost: "lost"
        case .crash: "crash"
        case .messageRate: "messageRate"
        }
    }

    /// The cause that a word stands for.
    public init?(word: String) {
        guard let cause = DisconnectCause.allCases.first(where: { $0.word == word }) else { return nil }
        self = cause
    }
}

extension SessionEndCause {
    /// The word for the cause.
    public var word: String {
        switch self {
        case .shutdown: "shutdown"
        case .crash: "crash"
        }
    }

    /// The cause that a word stands for.
    public init?(word: String) {
        guard let cause = SessionEndCause.allCases.first(where: { $0.word == word }) else { return nil }
        self = cause
    }
}

extension Refusal {
    /// The word for the reason. `message` is what clients read; it may be reworded, this may not.
    public var word: String {
        switch self {
        case .forbidden: "forbidden"
        case .badRequestBody: "badRequestBody"
        }
    }

    /// The reason that a word stands for.
    public init?(word: String) {
        guard let refusal = Refusal.allCases.first(where: { $0.word == word }) else { return nil }
        self = refusal
    }
}

extension MessageOpcode {
    /// The word for the opcode.
    public var word: String {
        switch self {
        case .text: "text"
        case .binary: "binary"
        }
    }

    /// The opcode that a word stands for.
    public init?(word: String) {
        switch word {
        case "text": self = .text
        case "binary": self = .binary
        default: return nil
        }
    }
}
