internal import ArgumentParser
internal import Foundation
internal import Glibc
internal import Logging
internal import NIOCore
internal import Reprise
internal import RepriseServer
internal import ServiceLifecycle
internal import UnixSignals

/// The options of `reprise replay --serve`.
struct ReplayServerOptions: ParsableArguments {
    @Flag(help: "Play the session to whoever connects.") var serve = false
    @Option(help: "Address to listen on, with --serve.") var host = "127.0.0.1"
    @Option(name: .shortAndLong, help: "Port to listen on, with --serve; 0 lets the system choose.") var port = 8080
    @Option(help: "Stage: the first segment of every path, with --serve.") var stage = "dev"
    @Option(
        name: .customLong("as"),
        help: ArgumentHelp("Play only what this connection was sent, with --serve.", valueName: "id"),
        transform: { try ConnectionID(argument: $0) })
    var connection: ConnectionID?
    @Flag(help: "Begin again at the end, with --serve.") var loop = false
    @Flag(help: "Play before anybody is there, with --serve; it begins with the first viewer otherwise.")
    var atOnce = false

    func validate() throws {
        let needsServe = connection != nil || loop || atOnce
        if needsServe, !serve { throw ValidationError("--as, --loop and --at-once go with --serve") }
    }
}

/// Plays a session to whoever connects, until it is told to stop.
struct ReplayServer {
    var options: ReplayServerOptions
    var speed: Double?
    var waitMax: Duration?
    var json: Bool

    /// The most bytes of the scratch log, which nobody reads: a session that is played over and over must not fill the disk.
    private static let scratchBytes = 64 << 20

    /// - Throws: `CommandEnd`, or what says why the server cannot run.
    func run(_ session: Session, of log: EventLog) async throws {
        var playback = Playback(session, of: log)
        playback.connection = options.connection
        playback.speed = speed
        playback.waitMax = waitMax
        playback.repeats = options.loop
        playback.startsAtOnce = options.atOnce
        var configuration = ServerConfiguration()
        configuration.host = options.host
        configuration.port = options.port
        configuration.stage = options.stage
        configuration.durability = .never
        configuration.retainBytes = ReplayServer.scratchBytes
        configuration.ignoresMessages = true
        configuration.allowsBinary = true
        configuration.engine.frameBytesMax = try log.start(of: session).configuration.frameBytesMax
        // Viewers may watch a quiet recording for as long as they like.
        configuration.idleTimeoutSeconds = 31_536_000
        configuration.lifetimeSeconds = 31_536_000
        configuration.dataPath = try ScratchFolder.make(in: FileManager.default.temporaryDirectory.path)
        defer { try? FileManager.default.removeItem(atPath: configuration.dataPath) }
        do throws(ConfigurationError) {
            try configuration.validate()
        } catch {
            throw ValidationError(error.description)
        }
        try await serve(playback, configuration)
    }

    private func serve(_ playback: Playback, _ configuration: ServerConfiguration) async throws {
        var logger = Logger(label: "reprise") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let session = playback.session.id
        let server = Server(configuration, playback: playback, logger: logger) { [json, options, speed] announcement in
            let pace = speed.map { "\($0)x" } ?? "as fast as it goes"
            let start = options.atOnce ? "plays now" : "plays with the first viewer"
            printLine(
                json
                    ? announcement.json(playing: session)
                    : "\(announcement.url) is up: session \(session) of \(playback.log.path), \(pace), \(start)")
        }
        let endings: [UnixSignal] = InheritedSignal.isIgnored(SIGINT) ? [.sigterm] : [.sigterm, .sigint]
        let group = ServiceGroupConfiguration(
            services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: endings, logger: logger)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let error as ServerError {
            throw error.asFailure
        }
    }
}

extension ServerAnnouncement {
    fileprivate func json(playing session: SessionID) -> String {
        var buffer = ByteBuffer()
        buffer.beginJSON()
        buffer.writeJSON("url", url)
        buffer.writeJSON("port", UInt64(port))
        buffer.writeJSON("session", session.rawValue)
        buffer.endJSON()
        return String(buffer: buffer)
    }
}
