import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `The server configuration` {
    @Test func `makes sense as it is`() throws {
        try ServerConfiguration().validate()
    }

    @Test func `keeps half of the log, where that leaves room to trim`() throws {
        var configuration = ServerConfiguration()
        #expect(configuration.retainedBytes == configuration.logBytes / 2)
        configuration.logBytes = 2 * (configuration.logReserveBytes + 2 * CommitMachine.transactionBytesMax)
        #expect(configuration.retainedBytes == configuration.logBytes / 2)
        try configuration.validate()
        configuration.logBytes -= 2
        #expect(configuration.retainedBytes == 0)
        try configuration.validate()
    }

    @Test func `keeps what it is told to`() throws {
        var configuration = ServerConfiguration()
        configuration.retainBytes = 0
        #expect(configuration.retainedBytes == 0)
        configuration.retainBytes = 5 << 20
        #expect(configuration.retainedBytes == 5 << 20)
        try configuration.validate()
    }

    private static let wrong: [(flag: String, change: @Sendable (inout ServerConfiguration) -> Void)] = [
        ("--port", { $0.port = 65_536 }), ("--port", { $0.port = -1 }), ("--stage", { $0.stage = "" }),
        ("--stage", { $0.stage = "a/b" }), ("--stage", { $0.stage = "é" }), ("--stage", { $0.stage = "health" }),
        ("--stage", { $0.stage = "ready" }), ("--loops", { $0.loopCount = 0 }), ("--loops", { $0.loopCount = 257 }),
        ("--sync-interval", { $0.syncIntervalMilliseconds = 0 }), ("--max-connections", { $0.connectionsMax = 0 }),
        ("--frame-bytes", { $0.frameBytesMax = 0 }), ("--frame-bytes", { $0.frameBytesMax = $0.messageBytesMax + 1 }),
        ("--message-bytes", { $0.messageBytesMax = 0 }), ("--message-bytes", { $0.messageBytesMax = 1 << 31 }),
        ("--header-bytes", { $0.headerBytesMax = 255 }), ("--handshake-timeout", { $0.handshakeTimeoutSeconds = 0 }),
        ("--idle-timeout", { $0.idleTimeoutSeconds = -1 }), ("--idle-timeout", { $0.idleTimeoutSeconds = .nan }),
        ("--lifetime", { $0.lifetimeSeconds = .infinity }), ("--close-timeout", { $0.closeTimeoutSeconds = 0 }),
        ("--drain", { $0.drainSeconds = -1 }), ("--ring-bytes", { $0.ringBytesMax = 65_535 }),
        ("--in-flight-bytes", { $0.inFlightBytesMax = 65_535 }), ("--log-bytes", { $0.logBytes = 1 << 20 }),
        ("--edge-bytes", { $0.edgeBytesMax = 4 * $0.messageBytesMax - 1 }),
        ("--retain-bytes", { $0.retainBytes = 1 }), ("--retain-bytes", { $0.retainBytes = -1 }),
        ("--retain-bytes", { $0.retainBytes = $0.logBytes }), ("--retain-age", { $0.retainAgeSeconds = -1 }),
        ("--retain-age", { $0.retainAgeSeconds = .infinity }), ("--keepalive", { $0.keepaliveSeconds = 0.5 }),
        ("--keepalive", { $0.keepaliveSeconds = 40_000 }), ("--ping-interval", { $0.pingIntervalSeconds = -1 }),
        ("--ping-interval", { $0.pingIntervalSeconds = .nan }), ("--ping-timeout", { $0.pingTimeoutSeconds = 0 }),
        ("--admin", { $0.admin = .port(host: "0.0.0.0", port: 0) }),
        ("--admin", { $0.admin = .file(path: String(repeating: "a", count: 108)) }),
    ]

    @Test(arguments: wrong.indices)
    func `names the flag of a value that makes no sense`(index: Int) {
        var configuration = ServerConfiguration()
        Self.wrong[index].change(&configuration)
        let error = #expect(throws: ConfigurationError.self) { try configuration.validate() }
        #expect(error?.flag == Self.wrong[index].flag)
        #expect(error?.description.hasPrefix(Self.wrong[index].flag) == true)
    }
}

@Suite struct `The data folder's lock` {
    @Test func `is taken once, and names its holder`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/a/b"
        let lock = try DataFolderLock(path)
        do throws(ServerError) {
            _ = try DataFolderLock(path)
            Issue.record("the lock was taken twice")
        } catch {
            #expect(error.description.contains("process "))
            #expect(error.description.contains(path))
        }
        withExtendedLifetime(lock) {}
    }

    @Test func `can be taken again when it was given back`() throws {
        let folder = TemporaryFolder()
        do { _ = try DataFolderLock(folder.path) }
        _ = try DataFolderLock(folder.path)
    }

    @Test func `says why a folder cannot be used`() {
        #expect(throws: ServerError.self) { try DataFolderLock("/proc/nothing/here") }
    }
}
