public import Reprise

/// Why a server cannot start or go on. Its description is one line that names the remedy.
public enum ServerError: Error, Sendable, CustomStringConvertible {
    /// Another server holds the folder.
    case folderInUse(path: String, holder: String)
    /// The lock file cannot be opened.
    case folderUnusable(path: String, reason: String)
    /// The address cannot be listened on.
    case cannotListen(host: String, port: Int, reason: String)
    /// The management API cannot be listened for at its address.
    case cannotListenForAdmin(address: String, reason: String)
    /// The certificate or its key cannot be used.
    case certificate(path: String, reason: String)
    /// The tokens for the management API cannot be used.
    case adminTokens(path: String, reason: String)
    /// The log cannot be opened or recovered.
    case log(LogError)
    /// The log could not be synced: what was committed may not be on the disk.
    case storageFailed(String)
    /// The machine stopped under a server that did not sync every commit, and the folder is not whole.
    case unverified(path: String, LogError)

    /// There is no such recording to play.
    case nothingToPlay(String)

    /// One line: what is wrong, and what to do about it.
    public var description: String {
        switch self {
        case .folderInUse(let path, let holder):
            "\(path) is in use by another server (\(holder)); stop it, or name another folder with --data"
        case .folderUnusable(let path, let reason):
            "cannot use \(path): \(reason)"
        case .cannotListen(let host, let port, let reason):
            "cannot listen on \(host):\(port): \(reason); stop what listens there, or name another with --port"
        case .cannotListenForAdmin(let address, let reason):
            "cannot listen at \(address) for the management API: \(reason); name another place with --admin"
        case .certificate(let path, let reason):
            "cannot use \(path) for TLS: \(reason); --tls-certificate and --tls-key name PEM files that belong together"
        case .adminTokens(let path, let reason):
            "cannot use \(path) for --admin-token: \(reason)"
        case .log(.notALog(let path)): LogError.notALog(path: path).description
        case .log(let error): error.isDamage ? "\(error); \(ServerError.remedy)" : error.description
        case .nothingToPlay(let reason): "there is nothing to play: \(reason)"
        case .storageFailed(let reason):
            "the log failed (\(reason)); stopped without delivering what was not committed, a restart recovers"
        case .unverified(let path, let error):
            "\(path) was in use when the machine stopped, without --durability always, and is damaged: \(error); "
                + ServerError.remedy
        }
    }

    /// What to do about a damaged folder.
    private static let remedy = "restore a copy, or keep what still reads with `reprise log export`"
}
