internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// Which events `log show` shows.
struct EventFilter: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only events of this kind; may be given more than once: \(Fact.words.joined(separator: ", ")).",
            valueName: "kind"))
    var event: [String] = []

    @Option(
        help: ArgumentHelp("Only events that name this connection.", valueName: "id"),
        transform: { try ConnectionID(argument: $0) })
    var connection: ConnectionID?

    @Option(help: ArgumentHelp("Only messages that took this route.", valueName: "key"))
    var route: String?

    @Option(help: ArgumentHelp("Only messages and sends whose body contains this text.", valueName: "text"))
    var grep: String?

    @Flag(name: [.short, .long], help: "Let --grep find upper and lower case alike.")
    var ignoreCase = false

    func validate() throws {
        if let unknown = event.first(where: { !Fact.words.contains($0) }) {
            throw ValidationError("'\(unknown)' is no kind of event; kinds are \(Fact.words.joined(separator: ", "))")
        }
        if let grep, grep.isEmpty { throw ValidationError("--grep needs a text") }
        if ignoreCase, grep == nil { throw ValidationError("--ignore-case is about --grep, which is not given") }
    }

    /// Whether the fact meets every condition.
    func admits(_ fact: Fact) -> Bool {
        if !event.isEmpty, !event.contains(fact.word) { return false }
        if let connection, fact.connection != connection { return false }
        if let route {
            guard case .message(let message) = fact, message.outcome == .route(route) else { return false }
        }
        if let grep {
            switch fact {
            case .message(let message): return contains(message.body, grep)
            case .sent(let sent): return contains(sent.body, grep)
            case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded: return false
            }
        }
        return true
    }

    private func contains(_ body: ByteBuffer, _ text: String) -> Bool {
        if ignoreCase {
            let body = String(decoding: body.readableBytesView, as: UTF8.self)
            return contains(Array(body.lowercased().utf8)[...], Array(text.lowercased().utf8))
        }
        return contains(body.readableBytesView, Array(text.utf8))
    }

    /// Looks for the first byte, which the library does quickly, and compares there.
    private func contains<Bytes: Collection<UInt8>>(_ bytes: Bytes, _ text: [UInt8]) -> Bool
    where Bytes.SubSequence == Bytes {
        var rest = bytes
        while let start = rest.firstIndex(of: text[0]) {
            rest = rest[start...]
            if rest.starts(with: text) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}

extension ConnectionID {
    /// A connection as an argument names it.
    init(argument text: String) throws {
        guard let connection = ConnectionID(text: text) else {
            throw ValidationError("a connection id has 16 characters, the last is '='")
        }
        self = connection
    }
}
