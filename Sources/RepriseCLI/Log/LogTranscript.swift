internal import ArgumentParser
internal import Reprise

/// `reprise log transcript`.
struct LogTranscriptCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcript",
        abstract: "Print everything that one connection sent and was sent.",
        discussion: """
            In order of position: when it was opened, each message in, each delivery out with its size, the bytes of its \
            frames and what became of it, and how the connection ended. A delivery is delivered (the kernel took its \
            last byte), cut off (it had not left when the connection ended), skipped (by the policy for slow consumers) \
            or unknown (the server crashed, or the connection is open, and no checkpoint says that it had left).

            Payloads are escaped and cut to the line; --whole and --json print all of them. With --follow, the command \
            goes on beside a running server until the connection ends or until it gets SIGINT or SIGTERM.

            Examples:
              reprise log transcript Yj2wHcF1PCsjAAA=
              reprise log transcript Yj2wHcF1PCsjAAA= --from end-100 --follow
              reprise log transcript Yj2wHcF1PCsjAAA= /var/lib/reprise --json
            """
    )

    @OptionGroup var connection: ConnectionArgument
    @OptionGroup var data: DataOptions
    @OptionGroup var range: RangeOptions

    @Flag(help: "Go on with what the connection sends and is sent from now on.")
    var follow = false

    @Flag(help: "Print whole payloads.")
    var whole = false

    @Flag(help: "Print one JSON object a line.")
    var json = false

    func validate() throws {
        if follow, range.to != nil { throw ValidationError("--follow has no end; leave --to away") }
    }

    func run() throws {
        let log = try data.openLog()
        let bounds = try range.resolve(in: log)
        guard var transcript = try Transcript(of: connection.connection, in: log, from: bounds.from) else {
            throw connection.unknown(in: log)
        }
        var writer = TranscriptWriter(isWhole: whole, isJSON: json)
        if bounds.from == nil, transcript.first > transcript.opened.position {
            try writer.writeTrimmed(transcript.opened, first: transcript.first)
        }
        if follow, transcript.history.closing == nil {
            try followOn(&transcript, of: log, &writer)
        } else {
            let end = transcript.history.end
            try log.walk(from: transcript.first, through: min(bounds.to ?? end, end)) { event in
                try writer.write(try transcript.entries(of: event))
                return true
            } onDamage: {
                try writer.output.flush()
            }
        }
        if transcript.history.closing == nil, bounds.to == nil { try writer.writeOpen(transcript.history) }
        try writer.output.flush()
    }

    private func followOn(
        _ transcript: inout Transcript, of log: EventLog, _ writer: inout TranscriptWriter
    ) throws {
        var follower = try LogFollower(log, from: transcript.first)
        while true {
            let events = try follower.next()
            try transcript.refresh()
            for event in events {
                try writer.write(try transcript.entries(of: event))
                if event.position == transcript.history.closing?.position { return }
            }
            if events.isEmpty { return }
            try writer.output.flush()
        }
    }
}
