internal import ArgumentParser
internal import Reprise

/// The connection that a command is about.
struct ConnectionArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The connection's id, as the log and the server spell it.", valueName: "connection"),
        transform: {
            guard let connection = ConnectionID(text: $0) else {
                throw ValidationError("'\($0)' is no connection id: it has 16 characters, the last is '='")
            }
            return connection
        })
    var connection: ConnectionID

    /// The error for a connection that the log does not know.
    func unknown(in log: EventLog) -> CommandEnd {
        CommandEnd(
            status: .couldNotRun,
            message: "the log in \(log.path) knows no connection \(connection); "
                + "`reprise log show --event connected` lists them")
    }
}
