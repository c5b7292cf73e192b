internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log show`.
struct LogShowCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print events, one a line.",
        discussion: """
            With --json the lines are those of `log export`.

            Examples:
              reprise log show --from end-20
              reprise log show --from @-15m --event disconnected
              reprise log show --connection Yj2wHcF1PCsjAAA= --json
            """
    )

    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions

    @Option(help: ArgumentHelp("Print at most so many events.", valueName: "count"))
    var limit: UInt64?

    @Option(
        help: ArgumentHelp(
            "Only events of this kind; may be given more than once: \(Fact.words.joined(separator: ", ")).",
            valueName: "kind"))
    var event: [String] = []

    @Option(
        help: ArgumentHelp("Only events that name this connection.", valueName: "id"),
        transform: {
            guard let connection = ConnectionID(text: $0) else {
                throw ValidationError("a connection id has 16 characters, the last is '='")
            }
            return connection
        })
    var connection: ConnectionID?

    @Flag(help: "Print one JSON object for each event.")
    var json = false

    func validate() throws {
        if let unknown = event.first(where: { !Fact.words.contains($0) }) {
            throw ValidationError("'\(unknown)' is no kind of event; kinds are \(Fact.words.joined(separator: ", "))")
        }
    }

    func run() throws {
        let log = try data.openLog()
        let bounds = try range.resolve(in: log)
        var output = StandardOutput()
        var left = limit ?? .max
        try log.walk(from: bounds.from, through: bounds.to) { event in
            guard left > 0 else { return false }
            guard matches(event.fact) else { return true }
            left -= 1
            if json {
                EventJSON.append(event, to: &output.buffer)
            } else {
                output.buffer.writeString(EventSummary(event).line)
            }
            try output.endLine()
            return left > 0
        } onDamage: {
            try output.flush()
        }
        try output.flush()
    }

    private func matches(_ fact: Fact) -> Bool {
        if !event.isEmpty, !event.contains(fact.word) { return false }
        if let connection, fact.connection != connection { return false }
        return true
    }
}
