// A server inside the test process, on a port that the system chooses, and its log afterwards.

import Foundation
import Logging
import Reprise
import RepriseTesting
import ServiceLifecycle
import Synchronization

@testable import RepriseServer

/// A server that runs, as a test sees it.
struct LiveServer: Sendable {
    let port: Int
    let dataPath: String
    let announcement: ServerAnnouncement
    /// Clients stay connected until the server has ended, so that it is the server who ends them.
    private let clients = Clients()

    private final class Clients: Sendable {
        let all = Mutex<[LiveClient]>([])
    }

    /// Small limits, so that tests are small; nothing is synced.
    static func configuration(_ folder: TemporaryFolder) -> ServerConfiguration {
        var configuration = ServerConfiguration()
        configuration.port = 0
        configuration.dataPath = folder.path + "/data"
        configuration.durability = .never
        configuration.connectionsMax = 256
        configuration.closeTimeoutSeconds = 0.1
        configuration.handshakeTimeoutSeconds = 60  // a starved machine must not cut a client off between two requests
        configuration.logBytes = 1 << 30
        return configuration
    }

    static let logger: Logger = {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return logger
    }()

    /// Runs a server, and `body` on a thread of its own (it blocks), then shuts the server down.
    ///
    /// - Returns: what `body` gave.
    @discardableResult
    static func run<Result: Sendable>(
        _ configuration: ServerConfiguration, _ body: @escaping @Sendable (LiveServer) throws -> Result
    ) async throws -> Result {
        try await serve(configuration) { server in try await onThread { try body(server) } }
    }

    /// Runs a server while `body` runs, then shuts the server down.
    @discardableResult
    static func serve<Result: Sendable>(
        _ configuration: ServerConfiguration, _ body: @Sendable (LiveServer) async throws -> Result
    ) async throws -> Result {
        let (announcements, listening) = AsyncStream.makeStream(of: ServerAnnouncement.self)
        let server = Server(configuration, logger: logger) { listening.yield($0) }
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                defer { listening.finish() }
                try await group.run()
            }
            var result: Result?
            var kept: LiveServer?
            defer { withExtendedLifetime(kept) {} }
            for await announcement in announcements {
                let live = LiveServer(
                    port: announcement.port, dataPath: configuration.dataPath, announcement: announcement)
                kept = live
                do {
                    result = try await body(live)
                } catch {
                    await group.triggerGracefulShutdown()
                    try? await tasks.waitForAll()
                    throw error
                }
                break
            }
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
            guard let result else { throw LiveError("the server ended before it listened") }
            return result
        }
    }

    /// Connects and completes the handshake.
    func connect(_ path: String = "/dev", receiveBytes: Int? = nil) throws -> LiveClient {
        let client = try LiveClient(port: port, receiveBytes: receiveBytes)
        try client.upgrade(path)
        clients.all.withLock { $0.append(client) }
        return client
    }

    /// Copies the data folder while the server runs, as a crash would leave it.
    func copyData(to path: String) throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: dataPath + "/data.mdb", toPath: path + "/data.mdb")
    }

    /// One HTTP request on a connection of its own.
    func request(_ method: String, _ path: String, body: String = "") throws -> LiveReply {
        let client = try LiveClient(port: port)
        try client.send(
            text: "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
        return try client.reply()
    }
}

struct LiveError: Error, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}

/// What a log holds.
struct Recording {
    let log: EventLog
    let events: [Event]
    let checkpoints: [Checkpoint]

    init(_ path: String) throws {
        log = try EventLog(path: path, access: .read, newID: LogID(rawValue: 1))
        events = try log.events()
        checkpoints = try log.checkpoints(from: .zero, through: Position(.max))
    }

    var connects: [(position: Position, fact: Connected)] {
        events.compactMap { if case .connected(let fact) = $0.fact { ($0.position, fact) } else { nil } }
    }

    var disconnects: [(position: Position, fact: Disconnected)] {
        events.compactMap { if case .disconnected(let fact) = $0.fact { ($0.position, fact) } else { nil } }
    }

    var messages: [(position: Position, fact: Message)] {
        events.compactMap { if case .message(let fact) = $0.fact { ($0.position, fact) } else { nil } }
    }

    func disconnect(of connection: ConnectionID) -> Disconnected? {
        disconnects.first { $0.fact.connection == connection }?.fact
    }

    /// Positions are gapless, time does not go back, and every open has exactly one close.
    var contradictions: [String] {
        var found: [String] = []
        var open: Set<ConnectionID> = []
        var time = Timestamp(rawValue: 0)
        for (index, event) in events.enumerated() {
            if event.position != Position(UInt64(index + 1)) { found.append("\(event.position) is at \(index)") }
            if event.time < time { found.append("time goes back at \(event.position)") }
            time = event.time
            switch event.fact {
            case .connected(let fact):
                if !open.insert(fact.connection).inserted { found.append("two opens, at \(event.position)") }
            case .disconnected(let fact):
                if open.remove(fact.connection) == nil { found.append("a close too many, at \(event.position)") }
            case .sessionEnded where !open.isEmpty:
                found.append("\(open.count) open at the end of a session, at \(event.position)")
            default: break
            }
        }
        if !open.isEmpty { found.append("\(open.count) connections are open at the end") }
        return found
    }

    /// Replays every session.
    func replay() throws -> [ReplayReport] {
        try log.sessions().map { session in
            var replayer = try Replayer(log, session: session)
            return try replayer.run()
        }
    }
}

/// Runs what blocks on a thread of its own, so that it takes none from Swift's pool.
func onThread<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
    try await withCheckedThrowingContinuation { continuation in
        startThread { continuation.resume(with: Swift.Result { try body() }) }
    }
}
