import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `Starting a server` {
    private let folder = TemporaryFolder()
    private var configuration: ServerConfiguration

    init() { configuration = LiveServer.configuration(folder) }

    private func refusal(of configuration: ServerConfiguration) async -> ServerError? {
        do {
            try await Server(configuration, logger: LiveServer.logger).run()
        } catch let error as ServerError {
            return error
        } catch {
            Issue.record("\(error)")
        }
        return nil
    }

    @Test func `on a folder that another one holds is refused by name`() async throws {
        try await LiveServer.serve(configuration) { server in
            let error = await refusal(of: configuration)
            #expect(error?.description.contains(server.dataPath + " is in use by another server (process ") == true)
        }
        #expect(try Recording(configuration.dataPath).log.sessions().count == 1)
    }

    @Test func `on a port that is in use is refused before the log is touched`() async throws {
        try await LiveServer.serve(configuration) { server in
            var second = configuration
            second.dataPath = folder.path + "/second"
            second.port = server.port
            let error = await refusal(of: second)
            #expect(error?.description.contains("cannot listen on 127.0.0.1:\(server.port)") == true)
            #expect(TemporaryFolder.names(in: second.dataPath) == ["serve.lock"])
        }
    }

    @Test func `after a crash closes every open connection, and goes on`() async throws {
        let configuration = configuration
        let copy = folder.path + "/copy"
        let received = try await LiveServer.run(configuration) { server in
            let clients = try (0..<3).map { _ in try server.connect() }
            for index in 0..<5 {
                try clients[0].broadcast("\(index)")
                for client in clients { _ = try client.receive() }
            }
            try clients[2].close(1000)
            #expect(try clients[2].receiveClose() == 1000)
            #expect(try clients[2].isAtEnd())
            try clients[0].broadcast("\"after\"")
            let texts = try clients.prefix(2).map { try $0.receive().text }
            try server.copyData(to: copy)
            return texts
        }
        #expect(received == ["\"after\"", "\"after\""])

        var second = configuration
        second.dataPath = copy
        let announced = try await LiveServer.run(second) { server in
            let client = try server.connect()
            try client.broadcast("\"again\"")
            #expect(try client.receive().text == "\"again\"")
            return server.announcement
        }
        #expect(announced.closedConnections == 2)
        let recording = try Recording(copy)
        #expect(recording.contradictions == [])
        #expect(recording.disconnects.map(\.fact.cause) == [.client, .crash, .crash, .shutdown])
        #expect(recording.disconnects.dropFirst().first?.fact.code == .abnormal)
        let reports = try recording.replay()
        #expect(reports.count == 2)
        #expect(reports.allSatisfy { $0.divergence == nil })
        #expect(reports.map(\.last).first?.next == announced.firstPosition)
        #expect(reports.reduce(0) { $0 + $1.checkpointsVerified } == recording.checkpoints.count)
    }

    @Test func `again and again without a crash finds nothing to repair`() async throws {
        for session in 1...3 as ClosedRange<UInt64> {
            let announced = try await LiveServer.run(configuration) { server in
                let client = try server.connect()
                try client.broadcast("1")
                _ = try client.receive()
                return server.announcement
            }
            #expect(announced.closedConnections == 0)
            #expect(try Recording(configuration.dataPath).log.sessions().last?.id == SessionID(session))
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        #expect(try recording.log.runState()?.isClean == true)
        #expect(try recording.replay().map(\.counts.messages) == [1, 1, 1])
        #expect(try recording.replay().allSatisfy { $0.divergence == nil && $0.checkpointsVerified == 1 })
    }

    @Test(arguments: [RunState.Durability.always, .interval, .never])
    func `works with every durability`(durability: RunState.Durability) async throws {
        var configuration = configuration
        configuration.durability = durability
        configuration.syncIntervalMilliseconds = 1
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            for index in 0..<20 {
                try client.broadcast("\(index)")
                #expect(try client.receive().text == "\(index)")
            }
        }
        #expect(try Recording(configuration.dataPath).contradictions == [])
    }
}

@Suite struct `A log that is nearly full` {
    private let folder = TemporaryFolder()
    private var configuration: ServerConfiguration

    init() {
        configuration = LiveServer.configuration(folder)
        configuration.connectionsMax = 8
        configuration.retainBytes = 0
        configuration.logBytes = configuration.logReserveBytes + (3 << 20)
    }

    @Test func `refuses connects and messages, keeps every disconnect, and says so`() async throws {
        try await LiveServer.run(configuration) { server in
            let clients = try (0..<3).map { _ in try server.connect() }
            let payload = "\"" + String(repeating: "x", count: 30_000) + "\""
            var refusal = ""
            for _ in 0..<400 where refusal.isEmpty {
                try clients[0].broadcast(payload)
                let text = try clients[0].receive().text
                if text != payload { refusal = text }
                for client in clients.dropFirst() where refusal.isEmpty { _ = try client.receive() }
            }
            #expect(refusal.hasPrefix("{\"message\": \"Internal server error\", \"connectionId\":\""))
            let health = try server.request("GET", "/health")
            #expect(health.status == 503)
            #expect(health.body.contains("--log-bytes"))
            let late = try LiveClient(port: server.port)
            try late.send(text: LiveClient.handshake("/dev"))
            #expect(try late.reply().status == 503)
            #expect(try server.request("POST", "/dev/@connections", body: "x").status == 503)
            try clients[1].close(1000)
            #expect(try clients[1].receiveClose() == 1000)
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        #expect(recording.disconnects.count == 3)
        #expect(try recording.replay().allSatisfy { $0.divergence == nil })
    }
}
