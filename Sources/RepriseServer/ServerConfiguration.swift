public import Reprise

/// Everything that a server can be told. Every bound has a name, a unit and a default.
public struct ServerConfiguration: Sendable {
    // MARK: Where

    /// The address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0 lets the system choose.
    public var port = 8080
    /// The stage: the first segment of every path.
    public var stage = "dev"
    /// The data folder.
    public var dataPath = "./reprise-data"
    /// Where the management API answers.
    public var admin = AdminAddress.same
    /// The file with tokens that let callers in from everywhere; empty has none.
    public var adminTokenPath = ""
    /// Whether the management API answers every caller, and not only this user's and root's on this machine.
    public var isManagementOpen = false
    /// Host names of this server beside `localhost` and the machine's addresses: the management API takes calls to these.
    public var domainNames: [String] = []
    /// The proxies that are believed when they say where a client comes from.
    public var trustedProxies = TrustedProxies()

    /// The PEM file with the certificate and those that vouch for it; empty serves without TLS.
    public var tlsCertificatePath = ""
    /// The PEM file with the certificate's key.
    public var tlsKeyPath = ""

    // MARK: How

    /// Event loops that serve sockets; the Recorder has one of its own beside them.
    public var loopCount = 1
    /// When commits reach the disk.
    public var durability = RunState.Durability.always
    /// How often `interval` syncs, milliseconds.
    public var syncIntervalMilliseconds = 100
    /// What happens to a connection whose unread bytes fall out of the ring.
    public var slowConsumerPolicy = SlowConsumerPolicy.disconnect
    /// Routes and limits that decide deliveries; recorded in the log.
    public var engine = EngineConfiguration()
    /// Whether binary messages are accepted; otherwise they close with 1003.
    public var allowsBinary = false

    /// Whether messages of clients are dropped unread: a recording is played, and what its viewers say is no part of it.
    public var ignoresMessages = false

    // MARK: Bounds

    /// The most connections at once; further ones get 503.
    public var connectionsMax = 20_000
    /// The most sockets of one loop that are not WebSockets (yet); above, the oldest is closed.
    public var pendingSocketsMax = 4096
    /// The most connects a second, over all loops; further ones get 429. 0 is no limit.
    public var connectRateMax = 0
    /// The most messages a second of one client, on average and at once; above, it is closed with 1008. 0 is no limit.
    public var messageRateMax = 0
    /// The origins that browsers may connect from, such as `https://example.com` or `https://*.example.com`; empty allows
    /// all.
    public var allowedOrigins: [String] = []
    /// The most payload bytes in a frame of a client; larger ones close with 1009.
    public var frameBytesMax = 32_768
    /// The most payload bytes in a message, of a client or of the management API.
    public var messageBytesMax = 131_072
    /// The most bytes of a request's header fields; more get 431.
    public var headerBytesMax = 16_384
    /// The most bytes of a request's target; AWS allows 4 096 characters.
    public var targetBytesMax = 4096
    /// How long a client may take to complete its request, seconds.
    public var handshakeTimeoutSeconds = 10.0
    /// How long a connection may be silent in both directions, seconds.
    public var idleTimeoutSeconds = 600.0
    /// After how much silence a client's machine is asked whether it is there (TCP keepalive), seconds; 0 never asks.
    public var keepaliveSeconds = 30.0
    /// After how much silence of a client it is sent a ping, seconds; 0 sends none.
    public var pingIntervalSeconds = 0.0
    /// How long a client may leave a ping unanswered, and its machine what was sent to it, seconds.
    public var pingTimeoutSeconds = 10.0
    /// How long a connection may live, seconds.
    public var lifetimeSeconds = 7200.0
    /// How long a client may take to answer a Close, seconds.
    public var closeTimeoutSeconds = 2.0
    /// Over how long the Closes of a shutdown are spread, seconds.
    public var drainSeconds = 0.0
    /// Bytes that one shard keeps for connections that are behind: runs, frames for single ones, what is read ahead.
    public var ringBytesMax = 64 << 20
    /// Bytes of intents that are not performed yet; above, reads are held and management posts get 429.
    public var inFlightBytesMax = 32 << 20
    /// Bytes that clients make one loop keep and have not finished: parts of messages, bodies, what waits to be parsed. Above, the
    /// oldest holder is closed.
    public var edgeBytesMax = 64 << 20
    /// Bytes reserved for the log; the file is sparse.
    public var logBytes = EventLog.mapBytesDefault

    /// Bytes of the log to keep; older events are trimmed away. 0 keeps everything, `nil` half of `logBytes`: so nobody who may send
    /// fills the log for all others.
    public var retainBytes: Int?
    /// How old an event of the log may become, seconds; older ones are trimmed away. 0 keeps everything.
    public var retainAgeSeconds = 0.0

    /// Names of connect headers that are not recorded, lower-case.
    public var redactedHeaders: Set<String> = ["authorization", "cookie", "proxy-authorization", "x-api-key"]

    /// The defaults.
    public init() {}

    /// JSON that is written anew may become five times as large, and a buffer of NIO's holds less than 4 GiB.
    private static let messageBytesLimit = 256 << 20
    private var messageBytesLimit: Int { ServerConfiguration.messageBytesLimit }

    /// Bytes of the log that are kept free for facts: one `disconnected` for every connection, with its index entry, and
    /// the end of the session; and where the log is trimmed, the pages that one step changes before it frees any.
    package var logReserveBytes: Int { logReserveBytes(trims: retains) }

    private func logReserveBytes(trims: Bool) -> Int {
        (4 << 20) + connectionsMax * 1024 + (trims ? (8 << 20) + connectionsMax * 64 : 0)
    }

    /// Bytes of the log that are kept; 0 is all. A log whose other half has no room for the reserve and for a transaction, before
    /// it is trimmed, is kept whole.
    public var retainedBytes: Int {
        if let retainBytes { return retainBytes }
        let half = logBytes / 2
        return half >= logReserveBytes(trims: true) + 2 * CommitMachine.transactionBytesMax ? half : 0
    }

    /// Descriptors of clients when every bound is reached.
    var clientDescriptorsMax: Int { connectionsMax + loopCount * pendingSocketsMax }

    /// Whether sockets speak TLS.
    public var isSecure: Bool { !tlsCertificatePath.isEmpty }

    /// Whether tokens let callers of the management API in.
    public var hasAdminTokens: Bool { !adminTokenPath.isEmpty }

    /// Whether every caller of the management API is answered.
    var opensManagement: Bool { isManagementOpen && admin != .off }

    /// Whether old events are trimmed away.
    var retains: Bool { retainedBytes > 0 || retainAgeSeconds > 0 }

    /// The frame parser's limits.
    var frameLimits: FrameParser.Limits {
        FrameParser.Limits(
            frameBytesMax: frameBytesMax, messageBytesMax: messageBytesMax, allowsBinary: allowsBinary)
    }

    /// Checks what types cannot.
    ///
    /// - Throws: the first value that makes no sense, by the name of its flag.
    public func validate() throws(ConfigurationError) {
        func check(_ condition: Bool, _ flag: String, _ rule: String) throws(ConfigurationError) {
            if !condition { throw ConfigurationError(flag: flag, rule: rule) }
        }
        try check((0...65_535).contains(port), "--port", "must be 0 to 65535")
        try check(
            !stage.isEmpty && stage.utf8.allSatisfy(isStageByte), "--stage", "must be letters, digits, `-` and `_`")
        try check(stage != "health" && stage != "ready", "--stage", "must not be `health` or `ready`")
        if case .file(let path) = admin {
            try check(
                path.utf8.count <= AdminAddress.pathBytesMax, "--admin",
                "must be a path of at most \(AdminAddress.pathBytesMax) bytes, and `\(path)` has \(path.utf8.count)")
        }
        try check(
            !admin.isReachableFromElsewhere || hasAdminTokens || isManagementOpen, "--admin",
            "must be on loopback: \(admin) may be reached from other machines; --admin-token says who may call, and "
                + "--management-open lets every caller in")
        for name in domainNames {
            try check(
                !name.isEmpty && name.utf8.allSatisfy(isHostByte), "--domain-name",
                "must be host names like api.example.com, without scheme and port, not `\(name)`")
        }
        try check(
            tlsCertificatePath.isEmpty == tlsKeyPath.isEmpty, tlsKeyPath.isEmpty ? "--tls-key" : "--tls-certificate",
            "is missing: TLS takes both, --tls-certificate and --tls-key")
        try check((1...256).contains(loopCount), "--loops", "must be 1 to 256")
        try check(syncIntervalMilliseconds > 0, "--sync-interval", "must be above 0")
        try check((1...10_000_000).contains(connectionsMax), "--max-connections", "must be 1 to 10000000")
        try check((16...1_000_000).contains(pendingSocketsMax), "--max-pending", "must be 16 to 1000000")
        for (flag, rate) in [("--connect-rate", connectRateMax), ("--message-rate", messageRateMax)] {
            try check((0...1_000_000_000).contains(rate), flag, "must be 0 (no limit) to 1000000000 a second")
        }
        for origin in allowedOrigins {
            try check(
                OriginRule.isValid(origin), "--allow-origin",
                "must be `*`, `null`, or what browsers send, like https://example.com, https://*.example.com or "
                    + "http://localhost:3000 (without :443 or :80, hosts in ASCII), not `\(origin)`")
        }
        let sizes = 1...FrameParser.Limits.bytesMax
        try check(sizes.contains(frameBytesMax), "--frame-bytes", "must be 1 to \(sizes.upperBound)")
        try check(
            (1...messageBytesLimit).contains(messageBytesMax), "--message-bytes", "must be 1 to \(messageBytesLimit)")
        try check(
            frameBytesMax <= messageBytesMax, "--frame-bytes", "must not be above --message-bytes (\(messageBytesMax))")
        try check((256...1 << 20).contains(headerBytesMax), "--header-bytes", "must be 256 to \(1 << 20)")
        for (flag, seconds) in [
            ("--handshake-timeout", handshakeTimeoutSeconds), ("--idle-timeout", idleTimeoutSeconds),
            ("--lifetime", lifetimeSeconds), ("--close-timeout", closeTimeoutSeconds),
            ("--ping-timeout", pingTimeoutSeconds),
        ] {
            try check(seconds > 0 && seconds <= 31_536_000, flag, "must be above 0 and at most a year, in seconds")
        }
        try check(
            pingIntervalSeconds == 0 || (0.01...31_536_000).contains(pingIntervalSeconds), "--ping-interval",
            "must be 0 (no pings), or 0.01 seconds to a year")
        let kept = 1...Double(KeepAlive.secondsMax)
        try check(
            keepaliveSeconds == 0 || kept.contains(keepaliveSeconds), "--keepalive",
            "must be 0 (off), or 1 to \(KeepAlive.secondsMax) seconds")
        try check((0...3600).contains(drainSeconds), "--drain", "must be 0 to 3600 seconds")
        try check(ringBytesMax >= 1 << 16, "--ring-bytes", "must be at least 65536")
        try check(inFlightBytesMax >= 1 << 16, "--in-flight-bytes", "must be at least 65536")
        // A buffer grows to twice of what is in it, and one message must have room beside another.
        let edgeBytesMin = 4 * max(messageBytesMax, ReceiveBuffer.capacity)
        try check(
            edgeBytesMax >= edgeBytesMin, "--edge-bytes",
            "must be at least \(edgeBytesMin), four times --message-bytes or one read")
        let logBytesMin = 2 * logReserveBytes
        try check(
            logBytes >= logBytesMin, "--log-bytes",
            "must be at least \(logBytesMin) for --max-connections \(connectionsMax): half of that is the reserve")
        try check(
            retainedBytes == 0 || (1 << 20...logBytes - logBytesMin / 2).contains(retainedBytes), "--retain-bytes",
            "must be half, 0, or \(1 << 20) to \(logBytes - logBytesMin / 2): --log-bytes \(logBytes) less the reserve")
        try check(
            retainAgeSeconds == 0 || (1...3_153_600_000).contains(retainAgeSeconds), "--retain-age",
            "must be 0, or 1 second to 100 years")
    }

    private func isHostByte(_ byte: UInt8) -> Bool { isStageByte(byte) || byte == UInt8(ascii: ".") }

    private func isStageByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
        default: false
        }
    }
}

/// A configuration that makes no sense.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The flag that sets the value.
    public var flag: String
    /// What must hold.
    public var rule: String

    /// The flag and the rule.
    public var description: String { "\(flag) \(rule)" }
}
