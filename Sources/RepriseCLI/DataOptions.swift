internal import ArgumentParser
internal import Reprise

/// Which data folder a command works on.
struct DataOptions: ParsableArguments {
    @Option(
        name: .customLong("data"),
        help: ArgumentHelp("The data folder (default: \(defaultPath)).", valueName: "folder"))
    private var option: String?

    @Argument(help: ArgumentHelp("The data folder, in place of --data.", valueName: "data"))
    private var argument: String?

    static let defaultPath = "./reprise-data"

    func validate() throws {
        if let option, let argument, option != argument {
            throw ValidationError("two data folders are given, \(option) and \(argument)")
        }
    }

    /// The folder.
    var path: String { option ?? argument ?? DataOptions.defaultPath }

    /// Opens the log for reading, also beside a server.
    func openLog() throws(LogError) -> EventLog {
        DamageTrap.arm()
        return try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
    }
}
