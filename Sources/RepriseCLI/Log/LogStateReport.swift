// How a live set is printed: by `log state`, and by the step mode of `replay`.

internal import NIOCore
internal import Reprise

/// A live set with the details of its members, which are looked up one by one.
struct LiveSetReport {
    private let set: LiveSet
    private let log: EventLog

    init(_ set: LiveSet, _ log: EventLog) {
        self.set = set
        self.log = log
    }

    func printLines(to output: inout StandardOutput) throws {
        let count = set.members.count
        try output.print(
            "\(set.position)  \(set.time.iso8601(fractionDigits: 3))  session \(set.session): \(count) live "
                + (count == 1 ? "connection" : "connections"))
        for member in set.members {
            let details = MemberDetails(member, try log.opening(of: member.connection))
            try output.print("\(member.connectedAt)  \(details.line)")
        }
    }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSON("position", set.position.rawValue)
        output.buffer.writeJSON("time", set.time)
        output.buffer.writeJSON("session", set.session.rawValue)
        output.buffer.writeJSONKey("connections")
        output.buffer.beginJSON("[")
        for member in set.members {
            output.buffer.separateJSON()
            output.buffer.beginJSON()
            MemberDetails(member, try log.opening(of: member.connection)).write(to: &output.buffer)
            output.buffer.endJSON()
        }
        output.buffer.endJSON("]")
        output.buffer.endJSON()
        try output.endLine()
    }
}

/// Who came and who went between two places.
struct LiveSetChange {
    let from: LiveSet
    let to: LiveSet
    private let log: EventLog
    private let came: [Projection.Member]
    private let went: [Projection.Member]

    init(from: LiveSet, to: LiveSet, _ log: EventLog) {
        self.from = from
        self.to = to
        self.log = log
        came = to.members(missingIn: from)
        went = from.members(missingIn: to)
    }

    func printLines(to output: inout StandardOutput) throws {
        var lines: [(position: Position, line: String)] = []
        for member in came {
            let details = MemberDetails(member, try log.opening(of: member.connection))
            lines.append((member.connectedAt, "+ \(details.line)"))
        }
        for member in went {
            let ending = try Ending(of: member.connection, in: log)
            let details = MemberDetails(member, try log.opening(of: member.connection))
            lines.append(
                (ending?.position ?? to.position, "- \(details.line)  \(ending?.line ?? "no close in the log")"))
        }
        try output.print(
            "\(from.position)  \(from.time.iso8601(fractionDigits: 3))  session \(from.session): "
                + "\(from.members.count) live")
        for (position, line) in lines.sorted(by: { $0.position < $1.position }) {
            try output.print("\(position)  \(line)")
        }
        try output.print(
            "\(to.position)  \(to.time.iso8601(fractionDigits: 3))  session \(to.session): \(to.members.count) live, "
                + "\(came.count) came, \(went.count) went")
    }

    func printJSON(to output: inout StandardOutput) throws {
        output.buffer.beginJSON()
        output.buffer.writeJSON("from", from.position.rawValue)
        output.buffer.writeJSON("to", to.position.rawValue)
        try write("came", came, to: &output.buffer) { _, _ in }
        try write("went", went, to: &output.buffer) { member, buffer in
            try Ending(of: member.connection, in: log)?.write(to: &buffer)
        }
        output.buffer.endJSON()
        try output.endLine()
    }

    private func write(
        _ key: StaticString, _ members: [Projection.Member], to buffer: inout ByteBuffer,
        more: (Projection.Member, inout ByteBuffer) throws -> Void
    ) throws {
        buffer.writeJSONKey(key)
        buffer.beginJSON("[")
        for member in members {
            buffer.separateJSON()
            buffer.beginJSON()
            MemberDetails(member, try log.opening(of: member.connection)).write(to: &buffer)
            try more(member, &buffer)
            buffer.endJSON()
        }
        buffer.endJSON("]")
    }
}

/// What the log says of one member. The `connected` may be gone: a log can be trimmed.
private struct MemberDetails {
    private let member: Projection.Member
    private let opening: EventLog.Opening?

    init(_ member: Projection.Member, _ opening: EventLog.Opening?) {
        self.member = member
        self.opening = opening
    }

    var line: String {
        guard let opening else { return "\(member.connection)  its connected is not in the log any more" }
        var line = "\(member.connection)  since \(opening.time.iso8601(fractionDigits: 3))  "
        line += "from \(opening.connected.sourceIP)"
        if let principal = opening.connected.principal { line += "  as \(principal.printable)" }
        if let agent = opening.connected.userAgent { line += "  \(agent.printable)" }
        return line
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeJSON("connectionId", member.connection.token)
        buffer.writeJSON("connectedPosition", member.connectedAt.rawValue)
        guard let opening else { return }
        buffer.writeJSON("connectedAt", opening.time)
        buffer.writeJSON("sourceIp", opening.connected.sourceIP)
        if let agent = opening.connected.userAgent { buffer.writeJSON("userAgent", agent) }
        if let principal = opening.connected.principal { buffer.writeJSON("principal", principal) }
    }
}

/// How a connection ended.
private struct Ending {
    let position: Position
    private let time: Timestamp
    private let disconnected: Disconnected

    init?(of connection: ConnectionID, in log: EventLog) throws(LogError) {
        guard let closed = try log.span(of: connection)?.closed, let event = try log.event(at: closed),
            case .disconnected(let disconnected) = event.fact
        else { return nil }
        position = closed
        time = event.time
        self.disconnected = disconnected
    }

    var line: String {
        var line = "ended \(time.iso8601(fractionDigits: 3))  \(disconnected.cause.word)  \(disconnected.code.rawValue)"
        if !disconnected.reason.isEmpty { line += " \"\(disconnected.reason.printable)\"" }
        return line
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeJSON("disconnectedPosition", position.rawValue)
        buffer.writeJSON("disconnectedAt", time)
        buffer.writeJSON("cause", disconnected.cause.word)
        buffer.writeJSON("code", UInt64(disconnected.code.rawValue))
        buffer.writeJSON("reason", disconnected.reason)
    }
}
