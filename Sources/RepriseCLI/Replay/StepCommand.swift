internal import Reprise

/// One line of the step mode.
enum StepCommand: Equatable {
    /// The next event, or the next so many.
    case next(UInt64)
    /// The next event that names this connection, or the one at hand.
    case connection(ConnectionID?)
    /// The event before, or so many before.
    case back(UInt64)
    case goto(Place)
    case state
    case help
    case quit

    /// Reads a line that is not empty. A place alone means to go there.
    ///
    /// - Throws: `CommandEnd` with what is wrong with it.
    init(parsing line: String) throws {
        let words = line.split(separator: " ").map(String.init)
        let rest = words.dropFirst()
        let first = words.first ?? ""
        switch first {
        case "n", "next": self = .next(try StepCommand.count(rest, for: first))
        case "b", "back": self = .back(try StepCommand.count(rest, for: first))
        case "c", "connection":
            guard rest.count <= 1 else { throw StepCommand.wrong("'\(first)' takes one connection, or none") }
            do {
                self = .connection(try rest.first.map { try ConnectionID(argument: $0) })
            } catch {
                throw StepCommand.wrong("a connection id has 16 characters, the last is '='")
            }
        case "g", "goto":
            guard let place = rest.first, rest.count == 1 else {
                throw StepCommand.wrong("'\(first)' takes one place: \(Place.grammar)")
            }
            self = .goto(try Place(parsing: place))
        case "s" where rest.isEmpty, "state" where rest.isEmpty: self = .state
        case "h" where rest.isEmpty, "help" where rest.isEmpty: self = .help
        case "q" where rest.isEmpty, "quit" where rest.isEmpty: self = .quit
        default:
            guard words.count == 1, let place = try? Place(parsing: first) else {
                throw StepCommand.wrong("'\(line.printable)' is no command; h lists them")
            }
            self = .goto(place)
        }
    }

    private static func count(_ words: ArraySlice<String>, for command: String) throws -> UInt64 {
        guard let word = words.first else { return 1 }
        guard words.count == 1, let count = UInt64(word), count > 0 else {
            throw wrong("'\(command)' takes a number of events, such as \(command) 10")
        }
        return count
    }

    private static func wrong(_ message: String) -> CommandEnd {
        CommandEnd(status: .couldNotRun, message: message)
    }

    static let helpText = """
        n [COUNT]     next event, or the next COUNT
        c [CONN]      next event that names this connection, or the one at hand
        b [COUNT]     back by one event, or by COUNT
        g PLACE       go to a place: \(Place.grammar); PLACE alone does too
        s             who is connected now
        q             quit, with the report of what was replayed
        an empty line does the last command again
        """
}
