internal import ArgumentParser
internal import Reprise

/// Whether an export is redacted, and with which key.
struct RedactOptions: ParsableArguments {
    @Flag(help: "Replace payloads, addresses, ids and names; the recording still replays.")
    var redact = false

    @Option(
        help: ArgumentHelp(
            "The secret behind the pseudonyms, 32 hex digits such as `openssl rand -hex 16` prints. (default: drawn)",
            valueName: "key"),
        transform: {
            guard let key = SipHash.Key(hex: $0) else { throw ValidationError("a key has 32 hex digits") }
            return key
        })
    var redactKey: SipHash.Key?

    func validate() throws {
        if redactKey != nil, !redact { throw ValidationError("--redact-key is for --redact") }
    }

    /// The redaction of events from a position on, if there is to be one.
    func redaction(of log: EventLog, from first: Position?) throws -> Redaction? {
        guard redact else { return nil }
        let key = redactKey ?? SipHash.Key(.random(in: .min ... .max), .random(in: .min ... .max))
        let position = try first ?? log.firstPosition() ?? .zero
        guard let session = try log.sessions().last(where: { $0.first <= position }) else { return Redaction(key: key) }
        return Redaction(key: key, routes: try log.start(of: session).configuration.routes)
    }
}
