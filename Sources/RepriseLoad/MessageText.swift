/// The text of the messages of one run: how message *n* is written for the server, and how a delivered text is proved
/// to be exactly message *n*.
///
/// Messages are numbered 0, 1, 2 … over all senders, in turn: sender = number mod senders, sequence = number ÷ senders.
///
/// ```
/// delivered   [ " ] <sender> - <sequence> - <padding>  [ " ]      exactly `payloadBytes`; quotes with `aws` only
/// sent        {"action":"onMessage","data": delivered }           with `aws`; just `delivered` otherwise
/// ```
///
/// The padding is a fixed pattern that depends on the position in the text, so every byte of a delivery is checked.
struct MessageText: Sendable {
    let senders: Int
    private let isQuoted: Bool
    private let prefix: [UInt8]
    private let suffix: [UInt8]
    /// A whole delivered text; the digits overwrite its beginning.
    private let template: [UInt8]

    init(envelope: FanoutPlan.Envelope, senders: Int, payloadBytes: Int) {
        precondition(payloadBytes >= FanoutPlan.payloadBytesMin, "payload \(payloadBytes) B is too small")
        precondition(senders > 0, "\(senders) senders")
        self.senders = senders
        isQuoted = envelope == .aws
        prefix = isQuoted ? [UInt8](#"{"action":"onMessage","data":"#.utf8) : []
        suffix = isQuoted ? [UInt8]("}".utf8) : []
        let alphabet = [UInt8]("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_".utf8)
        var template = (0..<payloadBytes).map { alphabet[$0 % alphabet.count] }
        if isQuoted {
            template[0] = UInt8(ascii: "\"")
            template[payloadBytes - 1] = UInt8(ascii: "\"")
        }
        self.template = template
    }

    /// Bytes of a delivered message.
    var payloadBytes: Int { template.count }
    /// Bytes of a sent message.
    var sentBytes: Int { prefix.count + template.count + suffix.count }

    /// The sender of a message.
    func sender(of number: Int) -> Int { number % senders }
    /// The sequence of a message among its sender's, from 0.
    func sequence(of number: Int) -> Int { number / senders }
    /// How a message is called in a report: `sender-sequence`.
    func name(of number: Int) -> String { "\(sender(of: number))-\(sequence(of: number))" }

    /// Appends the text to send for a message.
    func append(_ number: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: prefix)
        let start = bytes.count + (isQuoted ? 1 : 0)
        bytes.append(contentsOf: template)
        var position = Self.write(sender(of: number), into: &bytes, at: start)
        position = Self.write(sequence(of: number), into: &bytes, at: position)
        precondition(position <= start + template.count, "number \(number) does not fit \(template.count) B")
        bytes.append(contentsOf: suffix)
    }

    /// The number of the message that this delivered text is, or nil if it is no message of this run, byte for byte.
    func number(of text: Span<UInt8>) -> Int? {
        guard text.count == template.count else { return nil }
        var position = 0
        if isQuoted {
            guard text[0] == UInt8(ascii: "\"") else { return nil }
            position = 1
        }
        guard let sender = Self.read(text, &position), let sequence = Self.read(text, &position), sender < senders
        else { return nil }
        var difference: UInt8 = 0
        for index in position..<template.count {
            difference |= text[index] ^ template[index]
        }
        guard difference == 0 else { return nil }
        return sequence * senders + sender
    }

    /// Writes digits and a dash; returns the position behind them.
    private static func write(_ value: Int, into bytes: inout [UInt8], at position: Int) -> Int {
        var digits = 1
        var rest = value / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        rest = value
        for index in stride(from: position + digits - 1, through: position, by: -1) {
            bytes[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
        }
        bytes[position + digits] = UInt8(ascii: "-")
        return position + digits + 1
    }

    /// Reads digits (no leading zeros, at most 15) and a dash, and moves behind them; nil if there are none.
    private static func read(_ text: Span<UInt8>, _ position: inout Int) -> Int? {
        let start = position
        var value = 0
        while position < text.count, position - start < 16 {
            let byte = text[position]
            position += 1
            if byte == UInt8(ascii: "-") {
                let digits = position - 1 - start
                guard digits > 0, digits == 1 || text[start] != UInt8(ascii: "0") else { return nil }
                return value
            }
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return nil
    }
}
