internal import ArgumentParser
internal import Glibc
internal import Logging
internal import NIOCore
internal import Reprise
internal import RepriseServer
internal import ServiceLifecycle
internal import UnixSignals

/// `reprise serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Run the broadcast server.",
        discussion: """
            Clients connect to ws://HOST:PORT/STAGE and send {"action":"onMessage","data":…}; everyone who is connected \
            receives the data. Back ends use the AWS @connections API on the same port, or where --admin says. Everything is \
            recorded in the data folder and can be replayed.

            Every setting may also be given as an environment variable (--idle-timeout as REPRISE_IDLE_TIMEOUT, routes as \
            REPRISE_ROUTES with commas between them; an empty one counts as not given) or in a YAML file \
            (idleTimeout: 10m). A flag wins over a variable, which wins over the file.

            EXAMPLES
              reprise serve
              reprise serve --port 9000 --durability interval --data /var/lib/reprise
              reprise serve --route onMessage=broadcast:data --route '$default=echo'
              reprise serve --config reprise.yaml --print-config
              curl -X POST -d 'hello' http://127.0.0.1:8080/dev/@connections
            """)

    @OptionGroup var options: ServeOptions

    @Flag(help: "Print the configuration that would be used, as YAML, and stop.") var printConfig = false

    @Flag(help: "Print what is printed as JSON.") var json = false

    @Flag(name: .shortAndLong, help: "Log more.") var verbose = false

    func run() async throws {
        var defaults = ServerConfiguration()
        defaults.loopCount = max(1, System.coreCount - 1)
        let configuration = try options.resolve(defaults: defaults)
        if printConfig { return print(ServeCommand.yaml(configuration)) }

        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "reprise")
        logger.logLevel = verbose ? .info : .warning
        DamageTrap.arm()  // until the log was taken up
        let server = Server(configuration, logger: logger) { [json] announcement in
            DamageTrap.disarm()
            printLine(json ? announcement.json : announcement.text)
        }
        var endings: [UnixSignal] = [.sigterm]
        if !InheritedSignal.isIgnored(SIGINT) { endings.append(.sigint) }
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        if configuration.isSecure || configuration.hasAdminTokens {
            services.append(.init(service: ReloadSignal(server: server, configuration: configuration, logger: logger)))
        } else if !InheritedSignal.isIgnored(SIGHUP) {
            endings.append(.sighup)  // the terminal was closed
        }
        services.append(.init(service: SecondSignal(server: server, signals: endings, logger: logger)))
        // The server comes last, so that it is shut down first.
        services.append(.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup))
        var group = ServiceGroupConfiguration(
            services: services, gracefulShutdownSignals: endings, logger: logger)
        group.maximumGracefulShutdownDuration = .seconds(configuration.drainSeconds + 60)
        do {
            try await ServiceGroup(configuration: group).run()
        } catch let error as ServerError {
            throw error.asFailure
        }
    }

    private static func yaml(_ configuration: ServerConfiguration) -> String {
        var lines = ServeSetting.all.map { "\($0.key): \($0.show(configuration))" }
        lines.append("routeSelection: \(YAMLText.scalar(configuration.engine.routes.selectionExpression.text))")
        let routes = configuration.engine.routes.routes
        lines.append(routes.isEmpty ? "routes: []" : "routes:")
        lines += routes.map { "  - \(YAMLText.scalar($0.description))" }
        return lines.joined(separator: "\n")
    }
}

extension ServerAnnouncement {
    fileprivate var text: String {
        let closed = closedConnections == 1 ? "1 connection" : "\(closedConnections) connections"
        var management: [String] = []
        if admin != "same" { management.append(admin == "off" ? admin : "at \(admin)") }
        if isManagementOpen { management.append("open to every caller") }
        let note = management.isEmpty ? "" : ", management API " + management.joined(separator: ", ")
        let kept = retainedBytes > 0 ? "; keeps \(ByteCount.show(retainedBytes)) of events, --retain-bytes 0 all" : ""
        return "\(url) is up\(note): data \(dataPath), first position \(firstPosition), "
            + "closed \(closed) of the last session\(kept)"
    }

    fileprivate var json: String {
        var buffer = ByteBuffer()
        buffer.beginJSON()
        buffer.writeJSON("url", url)
        buffer.writeJSON("port", UInt64(port))
        buffer.writeJSON("admin", admin)
        buffer.writeJSONKey("managementOpen")
        buffer.writeString(isManagementOpen ? "true" : "false")
        buffer.writeJSON("data", dataPath)
        buffer.writeJSON("firstPosition", firstPosition.rawValue)
        buffer.writeJSON("closedConnections", UInt64(closedConnections))
        buffer.writeJSON("retainBytes", UInt64(retainedBytes))
        buffer.endJSON()
        return String(buffer: buffer)
    }
}
