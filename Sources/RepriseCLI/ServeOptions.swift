internal import ArgumentParser
internal import Foundation
internal import Reprise
internal import RepriseServer

/// The flags of `serve`. A flag wins over its environment variable, which wins over the configuration file.
struct ServeOptions: ParsableArguments {
    @Option(help: "Address to listen on. (default: 127.0.0.1)") var host: String?
    @Option(name: .shortAndLong, help: "Port to listen on; 0 lets the system choose. (default: 8080)")
    var port: String?
    @Option(help: "Stage: the first segment of every path. (default: dev)") var stage: String?
    @Option(help: "Data folder; made where it does not exist. (default: ./reprise-data)") var data: String?
    @Option(
        help: """
            PEM file with the certificate and those that vouch for it: the server then speaks TLS 1.2 or later. SIGHUP \
            reads both files again; connections stay.
            """)
    var tlsCertificate: String?
    @Option(help: "PEM file with the key of --tls-certificate.") var tlsKey: String?
    @Option(help: "Event loops that serve sockets. (default: one less than the cores)") var loops: String?
    @Option(
        help: """
            always: synced before anything is delivered; interval: delivered after the commit, synced every \
            --sync-interval; never: for tests. (default: always)
            """)
    var durability: String?
    @Option(help: "Milliseconds between syncs with --durability interval. (default: 100)") var syncInterval: String?
    @Option(
        help: """
            What happens to a client whose unread frames leave the ring. disconnect: it is closed with 1008; catchUp: it \
            gets them from the log; skip: it goes on with the newest, and the log says what it missed. \
            (default: disconnect)
            """)
    var slowConsumer: String?
    @Option(help: "true accepts binary messages; otherwise they close with 1003. (default: false)")
    var allowBinary: String?
    @Option(
        help: ArgumentHelp(
            """
            Where the management API answers. same: at --port; HOST:PORT: there, with the same rules; unix:/path: at a \
            socket that only this user and root can open, and nobody else is asked; off: nowhere. /health and /ready \
            answer at both, WebSockets at --port alone. (default: same)
            """, valueName: "same|host:port|unix:path|off"))
    var admin: String?
    @Option(
        help: """
            File of mode 0600 with lines `ROLE TOKEN`: a management call with `Authorization: Bearer TOKEN` is taken from \
            everywhere. view, read: it may ask; operate: it may send and close, too. SIGHUP reads the file again.
            """)
    var adminToken: String?
    @Flag(
        help: """
            Let the management API answer every caller. Otherwise it answers this user's and root's calls from this machine \
            that name it in their Host, and none that a proxy passes on. (A proxy that runs as this user, speaks HTTP/1.1 \
            and sends no Forwarded, X-Forwarded-* or Via looks like such a caller: run it as another user, or take --admin.)
            """)
    var managementOpen = false
    @Option(
        help: """
            Host names of this server, separated by commas: the management API takes calls to these, to localhost and to \
            the addresses of this machine. (default: none)
            """)
    var domainName: String?
    @Option(
        name: .customLong("trusted-proxy"),
        help: ArgumentHelp(
            """
            Address of a proxy, or of many (10.0.0.0/8), whose X-Forwarded-For says where a client comes from; may be \
            repeated. Of several proxies on the way all must be named. Says nothing about the management API. \
            (default: none)
            """, valueName: "address/bits"))
    var trustedProxies: [String] = []
    @Option(help: "Most connections at once; further ones get 503. (default: 20000)") var maxConnections: String?
    @Option(
        help: """
            Most sockets of one loop that are not WebSockets: clients in their handshake, callers of the management API. \
            Above, the oldest is closed. (default: 4096)
            """)
    var maxPending: String?
    @Option(help: "Most connects a second; further ones get 429. 0: no limit. (default: 0; AWS has 500)")
    var connectRate: String?
    @Option(help: "Most messages a second of one client; above, it is closed with 1008. 0: no limit. (default: 0)")
    var messageRate: String?
    @Option(
        help: """
            Origins that browsers may connect from, separated by commas: https://example.com, https://*.example.com. \
            Others get 403; clients that are no browsers send no origin. Says nothing about the management API. \
            (default: all may connect)
            """)
    var allowOrigin: String?
    @Option(help: "Most bytes in a client's frame; larger ones close with 1009. (default: 32KiB)")
    var frameBytes: String?
    @Option(help: "Most bytes in a message, from a client or a management post. (default: 128KiB)")
    var messageBytes: String?
    @Option(help: "Most bytes in a frame that the server sends; longer messages are split. (default: 32KiB)")
    var sendFrameBytes: String?
    @Option(help: "Most bytes of header fields in a request; more get 431. (default: 16KiB)") var headerBytes: String?
    @Option(help: "Time for a client to complete its request. (default: 10s)") var handshakeTimeout: String?
    @Option(help: "Longest silence in both directions. (default: 10m)") var idleTimeout: String?
    @Option(
        help: """
            Silence of a client after which its machine is asked whether it is there (TCP keepalive). One that vanished without \
            a word is out of the log after this and --ping-timeout, also while it is sent something. 0: off. (default: 30s)
            """)
    var keepalive: String?
    @Option(
        help: """
            Silence of a client after which it is sent a ping, which clients answer by themselves. It notices programs that \
            hang, where --keepalive notices machines. 0: no pings. (default: 0)
            """)
    var pingInterval: String?
    @Option(
        help: """
            Time for a client to answer a ping, and for its machine to acknowledge what it was sent. Who is behind, or not read \
            from, need not answer pings. (default: 10s)
            """)
    var pingTimeout: String?
    @Option(help: "Longest life of a connection. (default: 2h)") var lifetime: String?
    @Option(help: "Time for a client to answer a Close. (default: 2s)") var closeTimeout: String?
    @Option(help: "Time over which the Closes of a shutdown are spread. (default: 0)") var drain: String?
    @Option(help: "Frames kept for clients that are behind, per loop. (default: 64MiB)") var ringBytes: String?
    @Option(help: "Bytes accepted and not delivered yet, before reads are held. (default: 32MiB)")
    var inFlightBytes: String?
    @Option(help: "Unfinished messages, bodies and the like of clients, per loop. (default: 64MiB)") var edgeBytes:
        String?
    @Option(help: "Largest size of the log; reserved, but only used as it grows. (default: 64GiB)")
    var logBytes: String?
    @Option(
        help: """
            Bytes of events to keep, such as 10GiB: the oldest are trimmed away while the server runs. A client that is \
            further behind is a slow consumer. half: half of --log-bytes, or all of one too small for that. off or \
            0 keeps everything; when the log is full, connects and messages are refused. (default: half)
            """)
    var retainBytes: String?
    @Option(help: "Age of events to keep, such as 12h or 7d: older ones are trimmed away. (default: 0, keep all)")
    var retainAge: String?
    @Option(
        help: "Connect headers that are not recorded. (default: authorization,cookie,proxy-authorization,x-api-key)")
    var redactHeaders: String?
    @Option(
        name: .customLong("route"),
        help: ArgumentHelp(
            "KEY=ACTION, may be repeated. ACTION is broadcast[:data|:message], echo[:message|:data] or record. "
                + "(default: onMessage=broadcast:data)", valueName: "key=action"))
    var routes: [String] = []
    @Option(help: "Where a message names its route. (default: $request.body.action)") var routeSelection: String?
    @Option(
        help: """
            YAML file with the same settings in camelCase, and `routes` as a list; allowOrigin, domainName, \
            redactHeaders and trustedProxy may be lists too. What is no setting, and a value of another form, is an error.
            """)
    var config: String?

    /// What was given as flags, by key.
    private var given: [String: String] {
        var values: [String: String?] = [
            "host": host, "port": port, "stage": stage, "data": data, "tlsCertificate": tlsCertificate,
            "tlsKey": tlsKey, "loops": loops, "durability": durability,
            "syncInterval": syncInterval, "slowConsumer": slowConsumer, "allowBinary": allowBinary,
            "admin": admin, "adminToken": adminToken, "domainName": domainName, "maxConnections": maxConnections,
            "maxPending": maxPending,
            "connectRate": connectRate,
            "messageRate": messageRate, "allowOrigin": allowOrigin, "frameBytes": frameBytes,
            "messageBytes": messageBytes,
            "sendFrameBytes": sendFrameBytes, "headerBytes": headerBytes, "handshakeTimeout": handshakeTimeout,
            "idleTimeout": idleTimeout, "keepalive": keepalive, "pingInterval": pingInterval,
            "pingTimeout": pingTimeout, "lifetime": lifetime, "closeTimeout": closeTimeout, "drain": drain,
            "ringBytes": ringBytes, "inFlightBytes": inFlightBytes, "edgeBytes": edgeBytes, "logBytes": logBytes,
            "retainBytes": retainBytes,
            "retainAge": retainAge,
            "redactHeaders": redactHeaders,
        ]
        if managementOpen { values["managementOpen"] = "true" }
        if !trustedProxies.isEmpty { values["trustedProxy"] = trustedProxies.joined(separator: ",") }
        return values.compactMapValues { $0 }
    }

    /// Puts flags, environment, file and defaults together.
    ///
    /// - Parameter readsEnvironment: whether environment variables count; an empty one is none.
    /// - Throws: `ValidationError` (exit code 64) naming the flag, variable or key that is wrong.
    func resolve(defaults: ServerConfiguration, readsEnvironment: Bool = true) throws -> ServerConfiguration {
        let environment = readsEnvironment ? ProcessInfo.processInfo.environment.filter { !$0.value.isEmpty } : [:]
        let file = try config.map(SettingsFile.init(path:))
        let given = given
        var configuration = defaults
        var names: [String: String] = [:]
        for setting in ServeSetting.all {
            let (text, name): (String, String)
            if let flag = given[setting.key] {
                (text, name) = (flag, setting.flag)
            } else if let variable = environment[setting.variable] {
                (text, name) = (variable, setting.variable)
            } else if let value = file?.values[setting.key] {
                (text, name) = (value.joined, value.name)
            } else {
                continue
            }
            guard setting.read(text, &configuration) else {
                throw ValidationError("\(name) must be \(setting.form), not `\(text)`")
            }
            names[setting.flag] = name
        }
        configuration.engine.routes = try routeTable(environment, file, configuration.engine.routes)
        do throws(ConfigurationError) {
            try configuration.validate()
        } catch {
            throw ValidationError("\(names[error.flag] ?? error.flag) \(error.rule)")
        }
        return configuration
    }

    private func routeTable(
        _ environment: [String: String], _ file: SettingsFile?, _ defaults: RouteTable
    ) throws -> RouteTable {
        let expression: SettingsFile.Value? =
            if let routeSelection {
                SettingsFile.Value([routeSelection], name: "--route-selection")
            } else if let text = environment["REPRISE_ROUTE_SELECTION"] {
                SettingsFile.Value([text], name: "REPRISE_ROUTE_SELECTION")
            } else {
                file?.values["routeSelection"]
            }
        let given: SettingsFile.Value? =
            if !routes.isEmpty {
                SettingsFile.Value(routes, name: "--route")
            } else if let text = environment["REPRISE_ROUTES"] {
                SettingsFile.Value(
                    text.split(separator: ",", omittingEmptySubsequences: false).map(String.init),
                    name: "REPRISE_ROUTES")
            } else {
                file?.values["routes"]
            }
        var name = ""
        do throws(RouteTableError) {
            var selection = defaults.selectionExpression
            if let expression {
                name = expression.name
                selection = try RouteSelectionExpression(expression.joined)
            }
            var parsed = defaults.routes
            if let given {
                parsed = []
                for item in given.texts {
                    name = item.name
                    parsed.append(try Route(parsing: item.text.trimmingSpaces))
                }
                name = given.name
            }
            return try RouteTable(selectionExpression: selection, routes: parsed)
        } catch {
            throw ValidationError("\(name): \(error)")
        }
    }
}
