/// Which messages the server had to refuse, whose they were, and which error frames have come for them.
///
/// Error frames do not say which message they answer, so they are counted: each sender must get as many as it sent
/// such messages, every one with a request id of its own, and all with the sender's connection id.
struct ErrorLedger {
    /// What was wrong with an error frame.
    enum Fault: Equatable {
        /// The client has no message left that it could answer.
        case unexpected(String)
        /// It is the client's last one again.
        case repeated
        /// It carries another client's connection id.
        case foreign
        /// It gives another reason than the one that fits.
        case otherReason(String)
    }

    private struct Account {
        var sent = 0
        var received = 0
        var connectionID = ""
        var lastRequestID = ""
    }

    /// What a server says to a body without `data`.
    static let reason = "Bad request body"
    /// A body without `data`.
    static let body = [UInt8](#"{"action":"onMessage"}"#.utf8)

    private let share: Double
    private let phase: Double
    private var accounts: [Account]
    private var owners: [String: Int] = [:]
    /// Messages sent that the server has to refuse.
    private(set) var sent = 0
    /// Error frames that answered one of them.
    private(set) var received = 0

    /// - Parameters:
    ///   - share: of all messages, 0…1.
    ///   - seed: shifts which ones they are.
    init(share: Double, senders: Int, seed: UInt64) {
        self.share = share
        var random = RandomSource(seed: seed)
        phase = Double.random(in: 0..<1, using: &random)
        accounts = Array(repeating: Account(), count: senders)
    }

    /// Messages that still wait for their error frame.
    var outstanding: Int { sent - received }

    /// Whether a message is to be refused: they are spread evenly.
    ///
    /// - Parameter ordinal: counts all messages from 0, those to be broadcast too.
    func isRefused(_ ordinal: Int) -> Bool {
        share > 0 && Int(Double(ordinal + 1) * share + phase) > Int(Double(ordinal) * share + phase)
    }

    /// Notes that the next such message is sent, and says by whom: the senders take turns.
    mutating func send() -> Int {
        let sender = sent % accounts.count
        accounts[sender].sent += 1
        sent += 1
        return sender
    }

    /// Takes an error frame that came to a client.
    ///
    /// - Returns: what is wrong with it; nil if nothing is.
    mutating func receive(_ answer: ErrorAnswer, client: Int) -> Fault? {
        guard client < accounts.count else { return .unexpected(answer.message) }
        if accounts[client].received > 0, answer.requestID == accounts[client].lastRequestID { return .repeated }
        guard accounts[client].received < accounts[client].sent else { return .unexpected(answer.message) }
        if accounts[client].connectionID.isEmpty, owners[answer.connectionID] == nil {
            accounts[client].connectionID = answer.connectionID
            owners[answer.connectionID] = client
        }
        guard answer.connectionID == accounts[client].connectionID else { return .foreign }
        guard answer.message == Self.reason else { return .otherReason(answer.message) }
        accounts[client].received += 1
        accounts[client].lastRequestID = answer.requestID
        received += 1
        return nil
    }

    /// The senders that lack error frames, and how many.
    var missing: [(sender: Int, count: Int)] {
        accounts.indices.filter { accounts[$0].received < accounts[$0].sent }
            .map { ($0, accounts[$0].sent - accounts[$0].received) }
    }
}

extension ErrorLedger.Fault: CustomStringConvertible {
    /// A sentence's predicate.
    var description: String {
        switch self {
        case .unexpected(let reason): "received an error frame (\(reason)) that answers none of its messages"
        case .repeated: "received the same error frame twice"
        case .foreign: "received an error frame with another connection's id"
        case .otherReason(let reason): "received the error \(reason), not \(ErrorLedger.reason)"
        }
    }
}
