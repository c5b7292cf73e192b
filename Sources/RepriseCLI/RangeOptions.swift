internal import ArgumentParser
internal import Glibc
internal import Reprise

/// From where to where a command reads.
struct RangeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp("The first place to look at: \(Place.grammar).", valueName: "place"),
        transform: { try Place(parsing: $0) })
    var from: Place?

    @Option(
        help: ArgumentHelp(
            "The last place to look at, included. For `replay` also a server, ws://…, to send the session to.",
            valueName: "place"),
        transform: { try RangeEnd(parsing: $0) })
    var to: RangeEnd?

    /// The positions of both ends, `nil` for an end that was not given.
    func resolve(in log: EventLog) throws -> (from: Position?, to: Position?) {
        let now = Timestamp.now
        if let server = to?.server {
            throw ValidationError("--to wants a place here, not a server: \(server)")
        }
        let first = try from.map { try $0.resolve(in: log, now: now, as: .first) }
        let last = try to?.place.map { try $0.resolve(in: log, now: now, as: .last) }
        if let first, let last, first > last {
            throw CommandEnd(
                status: .couldNotRun,
                message: "--from is position \(first), which is after --to, position \(last)")
        }
        return (first, last)
    }
}

/// What `--to` names: a place in the log or, for `replay`, a server.
enum RangeEnd: Equatable {
    case place(Place)
    case server(String)

    /// A text that begins with `ws://` or `wss://` is a server, everything else a place.
    init(parsing text: String) throws {
        self = text.hasPrefix("ws://") || text.hasPrefix("wss://") ? .server(text) : .place(try Place(parsing: text))
    }

    var place: Place? { if case .place(let place) = self { place } else { nil } }
    var server: String? { if case .server(let url) = self { url } else { nil } }
}

/// Which sessions a command works on.
enum SessionChoice: Equatable {
    case latest
    case all
    case one(SessionID)

    init(parsing text: String) throws {
        switch text {
        case "latest": self = .latest
        case "all": self = .all
        default:
            guard let ordinal = UInt64(text), ordinal > 0 else {
                throw ValidationError("a session is 'latest', 'all' or its number, such as 3")
            }
            self = .one(SessionID(ordinal))
        }
    }

    /// The chosen entries of the catalogue.
    func sessions(of log: EventLog) throws -> [Session] {
        let sessions = try log.sessions()
        switch self {
        case .all: return sessions
        case .latest:
            guard let latest = sessions.last else {
                throw CommandEnd(status: .couldNotRun, message: "the log in \(log.path) has no session yet")
            }
            return [latest]
        case .one(let id):
            guard let session = sessions.first(where: { $0.id == id }) else {
                throw PlaceError.noSuchSession(id, latest: sessions.last?.id)
            }
            return [session]
        }
    }
}

extension Timestamp {
    /// The clock of the machine. The engine reads none: the moment is given to it.
    static var now: Timestamp {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(rawValue: Int64(time.tv_sec) * nanosecondsPerSecond + Int64(time.tv_nsec))
    }
}
