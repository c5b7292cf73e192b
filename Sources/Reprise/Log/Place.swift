// One grammar for "where in the log", the same for every command. Parsing is pure; what a place means is decided
// against a log and, for `@-15m`, against a moment that the caller gives.

/// A place in a log, as people write it.
///
/// *Shape*: see ``grammar``.
public enum Place: Hashable, Sendable, CustomStringConvertible {
    /// `1234`: a position.
    case position(Position)
    /// `start`: the first event that the log holds.
    case start
    /// `end`: the last event; `end-100`: the event so many before it.
    case end(before: UInt64)
    /// `@2026-11-22T14:00:00Z`: a moment.
    case time(Timestamp)
    /// `@-15m`: so many seconds before now.
    case ago(seconds: Int64)
    /// `session:3`: the session's `sessionStarted`.
    case session(SessionID)
    /// `CONN:open`: the connection's `connected`.
    case opened(ConnectionID)
    /// `CONN:close`: the connection's `disconnected`.
    case closed(ConnectionID)

    /// The whole grammar in one line.
    public static let grammar =
        "1234, start, end, end-100, @2026-11-22T14:00:00Z, @-15m (s, m, h or d), session:3, CONN:open, CONN:close"

    /// Parses a place.
    ///
    /// - Throws: `PlaceError.notAPlace`, whose description shows the grammar.
    public init(parsing text: some StringProtocol) throws(PlaceError) {
        guard let place = Place(text) else { throw .notAPlace(String(text)) }
        self = place
    }

    private init?(_ text: some StringProtocol) {
        if text == "start" {
            self = .start
        } else if text == "end" {
            self = .end(before: 0)
        } else if text.hasPrefix("end-") {
            guard let count = Place.number(text.dropFirst(4)) else { return nil }
            self = .end(before: count)
        } else if text.hasPrefix("session:") {
            guard let ordinal = Place.number(text.dropFirst(8)) else { return nil }
            self = .session(SessionID(ordinal))
        } else if text.hasPrefix("@-") {
            guard let seconds = Place.seconds(text.dropFirst(2)) else { return nil }
            self = .ago(seconds: seconds)
        } else if text.hasPrefix("@") {
            guard let time = Timestamp(iso8601: text.dropFirst()) else { return nil }
            self = .time(time)
        } else if text.hasSuffix(":open") {
            guard let connection = ConnectionID(text: text.dropLast(5)) else { return nil }
            self = .opened(connection)
        } else if text.hasSuffix(":close") {
            guard let connection = ConnectionID(text: text.dropLast(6)) else { return nil }
            self = .closed(connection)
        } else {
            guard let ordinal = Place.number(text) else { return nil }
            self = .position(Position(ordinal))
        }
    }

    /// Digits and nothing else: `UInt64(_:)` would take a sign.
    private static func number(_ text: some StringProtocol) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }

    private static func seconds(_ text: some StringProtocol) -> Int64? {
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        guard let last = text.last, let unit = units[last], let count = number(text.dropLast()).flatMap(Int64.init)
        else { return nil }
        let (seconds, overflow) = count.multipliedReportingOverflow(by: unit)
        return overflow || seconds > Int64.max / Timestamp.nanosecondsPerSecond ? nil : seconds
    }

    /// The text that parses to this place.
    public var description: String {
        switch self {
        case .position(let position): position.description
        case .start: "start"
        case .end(let count): count == 0 ? "end" : "end-\(count)"
        case .time(let time): "@" + time.iso8601()
        case .ago(let seconds): "@-\(seconds)s"
        case .session(let session): "session:\(session)"
        case .opened(let connection): "\(connection):open"
        case .closed(let connection): "\(connection):close"
        }
    }
}

/// Why a place is not one, or is not in this log. Its description is one line.
public enum PlaceError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The text does not follow the grammar.
    case notAPlace(String)
    /// The log holds no event, so it has no places.
    case emptyLog
    /// The place lies before the first event that the log holds.
    case beforeStart(Place, first: Position)
    /// The event that the place names was trimmed away.
    case trimmed(Place, Position, first: Position)
    /// The place lies after the last event.
    case afterEnd(Place, last: Position)
    /// The catalogue has no such session.
    case noSuchSession(SessionID, latest: SessionID?)
    /// No event of the log opens this connection.
    case unknownConnection(ConnectionID)
    /// The connection has not ended.
    case stillOpen(ConnectionID)
    /// The log cannot be read.
    case log(LogError)

    /// What is wrong, in one line.
    public var description: String {
        switch self {
        case .notAPlace(let text): "'\(text)' is not a place in a log; a place is one of \(Place.grammar)"
        case .emptyLog: "the log is empty: it has no places yet"
        case .beforeStart(let place, let first): "\(place) is before the start of the log, which is position \(first)"
        case .trimmed(let place, let position, let first):
            "\(place) is position \(position), which was trimmed away; the log begins at position \(first)"
        case .afterEnd(let place, let last): "\(place) is after the end of the log, which is position \(last)"
        case .noSuchSession(let session, let latest):
            "there is no session \(session); " + (latest.map { "the latest is \($0)" } ?? "the log has none yet")
        case .unknownConnection(let connection): "the log knows no connection \(connection)"
        case .stillOpen(let connection): "connection \(connection) is still open: it has no close yet"
        case .log(let error): error.description
        }
    }
}
