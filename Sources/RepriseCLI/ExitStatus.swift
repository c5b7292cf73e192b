// How every command ends. "Diverged", "damaged" and "could not run" never share a code.

internal import ArgumentParser
internal import Glibc
internal import Reprise
internal import RepriseServer

/// The exit codes of the design.
enum ExitStatus: Int32 {
    /// Done, and what was checked holds.
    case done = 0
    /// Could not run: I/O, no such log, a place that the log does not have.
    case couldNotRun = 1
    /// A replay differs from the recording.
    case divergence = 2
    /// The log is damaged.
    case damaged = 3
    /// A benchmark run that is not valid.
    case notValid = 4
    /// The command line is wrong.
    case usage = 64

    /// Ends the process after one line on standard error: `reprise: …`. Help and version are no errors.
    static func exit(reporting error: any Error) -> Never {
        if let ended = error as? CommandEnd {
            if let message = ended.message { complain(message) }
            Glibc.exit(ended.status.rawValue)
        }
        if let code = error as? ExitCode { Glibc.exit(code.rawValue) }
        if let (status, message) = known(error) {
            complain(message)
            Glibc.exit(status.rawValue)
        }
        let code = RepriseCommand.exitCode(for: error)
        if code.isSuccess {
            StandardStream.write(RepriseCommand.fullMessage(for: error) + "\n", to: STDOUT_FILENO)
            Glibc.exit(code.rawValue)
        }
        // The parser's message may have a second line with help on the option; the first one says what is wrong.
        let message = RepriseCommand.message(for: error)
        let line = message.split(separator: "\n").first.map(String.init) ?? message
        if code == .validationFailure {
            complain("\(line.trimmingSentence); see `reprise --help`")
            Glibc.exit(usage.rawValue)
        }
        complain(line)
        Glibc.exit(couldNotRun.rawValue)
    }

    private static func known(_ error: any Error) -> (ExitStatus, String)? {
        switch error {
        case let error as LogError: (error.isDamage ? .damaged : .couldNotRun, error.description)
        case PlaceError.log(let error): known(error)
        case let error as PlaceError: (.couldNotRun, error.description)
        case LogImportError.log(let error): known(error)
        case let error as LogImportError: (.couldNotRun, error.description)
        default: nil
        }
    }

    /// One line on standard error.
    static func complain(_ message: String) { StandardStream.write("reprise: \(message)\n", to: STDERR_FILENO) }
}

extension ServerError {
    /// The status and the line that `serve` ends with.
    var asFailure: any Error {
        let status: ExitStatus =
            switch self {
            case .unverified: .damaged
            case .log(let error) where error.isDamage: .damaged
            default: .couldNotRun
            }
        return CommandEnd(status: status, message: description)
    }
}

/// Ends a command with a status of its own choice.
struct CommandEnd: Error {
    var status: ExitStatus
    /// What to say on standard error; `nil` when everything was said.
    var message: String?
}

extension String {
    /// Without the full stop that another sentence would follow.
    fileprivate var trimmingSentence: Substring { hasSuffix(".") ? dropLast() : self[...] }
}
