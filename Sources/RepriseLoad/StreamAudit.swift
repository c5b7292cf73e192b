/// One client's stream, read message by message, after it was found to differ from the common stream (or was too far
/// behind to be compared with it): says which rule failed.
///
/// A class because almost no client has one.
final class StreamAudit {
    /// What was wrong, each with the message or a reason.
    enum Fault: Equatable {
        case lost(first: Int, count: Int)
        case duplicated(Int)
        case outOfOrder(Int)
        case corrupted(String)
        /// The client's stream has every message once and each sender's in order, but not the others' total order.
        case orderDiffers
    }

    /// Why the client is read on its own.
    enum Cause {
        case differed
        case lagged
    }

    /// Faults listed; more are only counted.
    private static let faultsMax = 8

    let cause: Cause
    private let text: MessageText
    private var next: [Int]
    private var missing: Set<Int> = []
    private var isReadable = true
    private(set) var faults: [Fault] = []
    private(set) var faultCount = 0
    /// Distinct messages received since the audit began.
    private(set) var received = 0

    /// - Parameters:
    ///   - next: every sender's next sequence for this client.
    init(text: MessageText, next: [Int], cause: Cause) {
        self.text = text
        self.next = next
        self.cause = cause
    }

    /// Takes the whole text of a data frame.
    func receive(_ payload: Span<UInt8>, sent: Int) {
        guard isReadable else { return }
        guard let number = text.number(of: payload), number < sent else {
            note(.corrupted("a frame of \(payload.count) bytes is no message of this run"))
            return
        }
        let sender = text.sender(of: number)
        let sequence = text.sequence(of: number)
        if sequence == next[sender] {
            next[sender] += 1
            received += 1
        } else if sequence > next[sender] {
            for lost in next[sender]..<sequence where missing.count < 1 << 16 {
                missing.insert(lost * text.senders + sender)
            }
            next[sender] = sequence + 1
            received += 1
        } else if missing.remove(number) != nil {
            received += 1
            note(.outOfOrder(number))
        } else {
            note(.duplicated(number))
        }
    }

    /// The stream cannot be split into frames any more: nothing after this is read.
    func breakOff(_ reason: String) {
        guard isReadable else { return }
        isReadable = false
        note(.corrupted(reason))
    }

    /// Whether everything that was sent has come, or nothing more can be read.
    func isComplete(_ ledger: MessageLedger) -> Bool {
        !isReadable || next.indices.allSatisfy { next[$0] >= ledger.sentCount(ofSender: $0) }
    }

    /// The last word: what never came is lost. Call once, at the end.
    func finish(_ ledger: MessageLedger) {
        var lost = missing.sorted()[...]
        while let first = lost.first {
            // Runs of one sender's neighbours are one fault.
            var count = 1
            while count < lost.count, lost[lost.startIndex + count] == first + count * text.senders { count += 1 }
            note(.lost(first: first, count: count))
            lost = lost.dropFirst(count)
        }
        guard isReadable else { return }
        for sender in next.indices where next[sender] < ledger.sentCount(ofSender: sender) {
            let first = next[sender] * text.senders + sender
            note(.lost(first: first, count: ledger.sentCount(ofSender: sender) - next[sender]))
        }
        if faultCount == 0, cause == .differed { note(.orderDiffers) }
    }

    /// A fault as a sentence's predicate.
    func describe(_ fault: Fault) -> String {
        switch fault {
        case .lost(let first, 1): "lost message \(text.name(of: first))"
        case .lost(let first, let count): "lost \(count) messages of one sender from \(text.name(of: first)) on"
        case .duplicated(let number): "received message \(text.name(of: number)) twice"
        case .outOfOrder(let number): "received message \(text.name(of: number)) out of order"
        case .corrupted(let reason): "received corrupted bytes: \(reason)"
        case .orderDiffers: "received messages of different senders in another order than the other clients"
        }
    }

    private func note(_ fault: Fault) {
        faultCount += 1
        if faults.count < Self.faultsMax { faults.append(fault) }
    }
}
