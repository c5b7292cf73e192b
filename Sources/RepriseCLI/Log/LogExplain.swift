internal import ArgumentParser
internal import NIOCore
internal import Reprise

/// `reprise log explain`.
struct LogExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say what became of a message for a connection, and why.",
        discussion: """
            The verdict is one of: delivered (the kernel took its last byte), notYetConnected, alreadyDisconnected, \
            cutOff (it had not left when the connection ended), skipped (by the policy for slow consumers), notAddressed \
            (it was for somebody else, or the event orders no delivery), unknown (the server crashed, or the connection \
            is open, and no checkpoint says that it had left).

            In place of a place, `all` explains every message and every management send of the log, one line each, without \
            the evidence; --from and --to narrow that.

            Examples:
              reprise log explain Yj2wHcF1PCsjAAA= 1234
              reprise log explain Yj2wHcF1PCsjAAA= @2026-11-22T14:00:00Z --json
              reprise log explain Yj2wHcF1PCsjAAA= all --from end-1000 --json
            """
    )

    /// What is to be explained.
    enum Subject: Equatable {
        case all
        case one(Place)
    }

    @OptionGroup var connection: ConnectionArgument

    @Argument(
        help: ArgumentHelp(
            "The event that ordered the message, or `all`. A place is one of \(Place.grammar).", valueName: "place"),
        transform: { $0 == "all" ? .all : .one(try Place(parsing: $0)) })
    var subject: Subject

    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        if subject != .all, range.from != nil || range.to != nil {
            throw ValidationError("--from and --to belong to `all`")
        }
    }

    func run() throws {
        let log = try data.openLog()
        var output = StandardOutput()
        switch subject {
        case .one(let place):
            let position = try place.resolve(in: log, now: .now, as: .last)
            guard let event = try log.event(at: position) else {
                throw CommandEnd(status: .couldNotRun, message: "the log has no event at position \(position)")
            }
            var explainer = try makeExplainer(log, from: position)
            let explanation = try explainer.explain(event)
            let recipients = try explanation.target.flatMap { target throws(LogError) in
                try log.recipientCount(of: target, at: position)
            }
            if json {
                explanation.appendJSON(recipients: recipients, isOneOfAll: false, to: &output.buffer)
                try output.endLine()
            } else {
                for line in explanation.lines(event, recipients: recipients) { try output.print(line) }
            }
        case .all:
            try explainAll(log, &output)
        }
        try output.flush()
    }

    private func explainAll(_ log: EventLog, _ output: inout StandardOutput) throws {
        let bounds = try range.resolve(in: log)
        guard let first = try log.firstPosition() else { throw PlaceError.emptyLog }
        let from = bounds.from ?? first
        var explainer = try makeExplainer(log, from: from)
        // Behind the moment of the look-up, nothing is known of the connection.
        let end = try explainer.history.closing == nil ? explainer.history.end : log.tail().position
        try log.walk(from: from, through: min(bounds.to ?? end, end)) { event in
            let explanation = try explainer.explain(event)
            switch event.fact {
            case .message, .sent: break
            case .sessionStarted, .connected, .disconnected, .skipped, .sessionEnded: return true
            }
            if json {
                explanation.appendJSON(isOneOfAll: true, to: &output.buffer)
            } else {
                output.buffer.writeString("\(explanation.position)  \(explanation.sentence)")
            }
            try output.endLine()
            return true
        } onDamage: {
            try output.flush()
        }
    }

    private func makeExplainer(_ log: EventLog, from position: Position) throws -> Explainer {
        guard let explainer = try Explainer(of: connection.connection, in: log, from: position) else {
            throw connection.unknown(in: log)
        }
        return explainer
    }
}
