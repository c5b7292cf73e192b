internal import ArgumentParser
internal import Glibc
internal import Reprise
internal import RepriseServer

@main
struct RepriseMain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reprise", abstract: "An event-sourced WebSocket broadcast engine with replay.",
        version: BuildInfo.version, subcommands: [ServeCommand.self, BenchCommand.self])
}

func printLine(_ s: String) { print(s); fflush(nil) }

extension ServerError {
    var asFailure: any Error {
        let line = Array("reprise: \(self)\n".utf8);
        _ = unsafe line.withUnsafeBytes { unsafe write(2, $0.baseAddress, $0.count) }
        switch self {
        case .unverified: return ExitCode(3)
        case .log(let e) where e.isDamage: return ExitCode(3)
        default: return ExitCode(1)
        }
    }
}
