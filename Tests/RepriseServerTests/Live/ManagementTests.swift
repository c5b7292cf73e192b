import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `The management API` {
    private let folder = TemporaryFolder()
    private var configuration: ServerConfiguration

    init() {
        configuration = LiveServer.configuration(folder)
        configuration.loopCount = 2
    }

    private static func percentEncoded(_ id: String) -> String { id.split(separator: "=").joined() + "%3D" }

    /// Connects and learns its id from an error frame.
    private static func connect(_ server: LiveServer) throws -> (client: LiveClient, id: String) {
        let client = try server.connect()
        try client.say("?")
        let text = try client.receive().text
        let parts = text.split(separator: "\"")
        guard let index = parts.firstIndex(of: "connectionId") else { throw LiveError(text) }
        return (client, String(parts[index + 2]))
    }

    @Test func `answers pipelined requests in their order, and what cannot be read after them`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            let post = "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"
            try client.send(
                text: post + "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + post
                    + "GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n"
                    + "this is not HTTP\r\n\r\n")
            let statuses = try (0..<5).map { _ in try client.reply().status }
            #expect(statuses == [200, 200, 200, 403, 400])
            #expect(try client.isAtEnd())
        }
    }

    @Test func `answers as many pipelined requests as a client sends`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            let post = "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"
            try client.send(text: post + String(repeating: "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", count: 2000))
            let statuses = try (0...2000).map { _ in try client.reply().status }
            #expect(statuses == [200] + Array(repeating: 403, count: 2000))
        }
    }

    @Test func `takes a WebSocket handshake behind another request`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            try client.send(text: "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + LiveClient.handshake("/dev"))
            #expect(try client.reply().status == 200)
            #expect(try client.head().hasPrefix("HTTP/1.1 101"))
        }
    }

    @Test func `posts, describes and deletes`() async throws {
        var configuration = configuration
        configuration.closeTimeoutSeconds = 60  // a busy machine may need more than two to answer the Close
        try await LiveServer.run(configuration) { server in
            let (client, id) = try Self.connect(server)
            let path = "/dev/%40connections/\(Self.percentEncoded(id))"
            let posted = try server.request("POST", path, body: "hi \u{1F600}")
            #expect(posted.status == 200)
            #expect(posted.body.isEmpty)
            #expect(posted["x-amzn-requestid"]?.count == 36)
            #expect(try client.receive() == LiveFrame(opcode: 1, isFinal: true, payload: Array("hi \u{1F600}".utf8)))

            let described = try server.request("GET", "/dev/@connections/\(id)")
            #expect(described.status == 200)
            #expect(described["content-type"] == "application/json")
            #expect(described.body.hasPrefix("{\"connectedAt\":\"20"))
            #expect(described.body.contains("\"identity\":{\"sourceIp\":\"127.0.0.1\",\"userAgent\":null}"))

            let deleted = try server.request("DELETE", path)
            #expect(deleted.status == 204)
            #expect(try client.receiveClose() == 1000)
            try client.close(1000)
            #expect(try client.isAtEnd())
            for method in ["POST", "GET", "DELETE"] {
                let gone = try server.request(method, path)
                #expect(gone.status == 410)
                #expect(gone["x-amzn-errortype"] == "GoneException")
                #expect(gone.body.isEmpty)
            }
        }
        let recording = try Recording(configuration.dataPath)
        #expect(recording.contradictions == [])
        #expect(recording.disconnects.map(\.fact.cause) == [.deleted])
    }

    @Test func `posts to everyone and says how many`() async throws {
        try await LiveServer.run(configuration) { server in
            let clients = try (0..<3).map { _ in try server.connect() }
            let reply = try server.request("POST", "/dev/@connections", body: "all")
            #expect(reply.status == 200)
            #expect(reply.body.contains("\"recipients\":3"))
            for client in clients { #expect(try client.receive().text == "all") }
        }
    }

    @Test func `delivers large payloads in frames, and invalid UTF-8 as replacement characters`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            let large = String(repeating: "x", count: 70_000)
            #expect(try server.request("POST", "/dev/@connections", body: large).status == 200)
            let frames = [try client.receive(), try client.receive(), try client.receive()]
            #expect(frames.map(\.opcode) == [1, 0, 0])
            #expect(frames.map(\.payload.count) == [32_768, 32_768, 4464])
            #expect(frames.map(\.isFinal) == [false, false, true])

            let raw = try LiveClient(port: server.port)
            try raw.send(text: "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n")
            try raw.send([0x61, 0xFF])
            #expect(try raw.reply().status == 200)
            #expect(try client.receive().text == "a\u{FFFD}")
        }
    }

    @Test(arguments: [
        ("GET", "/health", 200), ("GET", "/ready", 200), ("GET", "/", 403), ("GET", "/prod", 403),
        ("GET", "/dev", 426), ("GET", "/dev/extra", 403), ("POST", "/dev/@connections/abc", 400),
        ("GET", "/dev/@connections/AAAAAAAAAAAAAAA=", 410), ("PUT", "/dev/@connections/AAAAAAAAAAAAAAA=", 405),
        ("GET", "/dev/@connections", 405), ("DELETE", "/dev/@connections", 405), ("GET", "/%zz", 403),
        ("POST", "/health", 403),
    ])
    func `answers with a status`(method: String, path: String, status: Int) async throws {
        try await LiveServer.run(configuration) { server in
            let reply = try server.request(method, path)
            #expect(reply.status == status)
        }
    }

    @Test func `refuses what is too large`() async throws {
        try await LiveServer.run(configuration) { server in
            let body = String(repeating: "x", count: 131_073)
            let reply = try server.request("POST", "/dev/@connections", body: body)
            #expect(reply.status == 413)
            #expect(reply["x-amzn-errortype"] == "PayloadTooLargeException")
            let target = "/dev?" + String(repeating: "x", count: 4096)
            #expect(try server.request("GET", target).status == 414)
            let raw = try LiveClient(port: server.port)
            try raw.send(text: "GET /dev HTTP/1.1\r\nX: " + String(repeating: "x", count: 20_000) + "\r\n\r\n")
            #expect(try raw.reply().status == 431)
        }
    }

    @Test(arguments: ["nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\u{16}\u{03}\u{01}\u{02}\r\n\r\n"])
    func `answers what is not HTTP with 400, and ends`(text: String) async throws {
        try await LiveServer.run(configuration) { server in
            let raw = try LiveClient(port: server.port)
            try raw.send(text: text)
            #expect(try raw.reply().status == 400)
            #expect(try raw.isAtEnd())
        }
    }

    @Test func `cuts off a client that does not complete its request`() async throws {
        var configuration = configuration
        configuration.handshakeTimeoutSeconds = 0.05
        try await LiveServer.run(configuration) { server in
            let raw = try LiveClient(port: server.port)
            try raw.send(text: "GET /dev HT")
            #expect(try raw.isAtEnd())
        }
    }

    @Test func `answers requests on one connection in order, and lets it become a WebSocket`() async throws {
        var configuration = configuration
        configuration.handshakeTimeoutSeconds = 3  // enough for three requests, also under a sanitizer
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            let health = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
            try client.send(text: health + health + LiveClient.handshake("/dev"))
            #expect(try client.reply().status == 200)
            #expect(try client.reply().status == 200)
            #expect(try client.head().hasPrefix("HTTP/1.1 101 "))
            try client.broadcast("1")
            #expect(try client.receive().text == "1")
            // The time for a handshake is over; the WebSocket is not.
            let slow = try LiveClient(port: server.port)
            #expect(try slow.isAtEnd())
            try client.broadcast("2")
            #expect(try client.receive().text == "2")
        }
    }

    @Test func `takes frames that come with the handshake`() async throws {
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            let early = LiveClient.frame(1, Array(#"{"action":"onMessage","data":"early"}"#.utf8))
            try client.send(Array(LiveClient.handshake("/dev").utf8) + early + early)
            #expect(try client.head().hasPrefix("HTTP/1.1 101 "))
            #expect(try client.receive().text == "\"early\"")
            #expect(try client.receive().text == "\"early\"")
        }
    }

    @Test func `survives requests behind a handshake, and clients that leave during it`() async throws {
        try await LiveServer.run(configuration) { server in
            for index in 0..<40 {
                let client = try LiveClient(port: server.port)
                try client.send(
                    text: "POST /dev/@connections HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx"
                        + LiveClient.handshake("/dev") + LiveClient.handshake("/dev"))
                if index % 2 == 0 { client.reset() } else { client.endOutput() }
            }
            let client = try server.connect()
            try client.broadcast("1")
            while try client.receive().text != "1" {}
        }
        #expect(try Recording(configuration.dataPath).contradictions == [])
    }

    @Test func `refuses more connections than allowed, and gives places back`() async throws {
        var configuration = configuration
        configuration.connectionsMax = 2
        configuration.loopCount = 1
        try await LiveServer.run(configuration) { server in
            let first = try server.connect()
            let second = try server.connect()
            let third = try LiveClient(port: server.port)
            try third.send(text: LiveClient.handshake("/dev"))
            #expect(try third.reply().status == 503)
            #expect(try third.isAtEnd())
            try first.close(1000)
            #expect(try first.receiveClose() == 1000)
            #expect(try first.isAtEnd())
            // The place is free once the disconnect is in the log; a broadcast is behind it there.
            try second.broadcast("1")
            _ = try second.receive()
            _ = try server.connect()
            #expect(try server.request("GET", "/health").status == 200)
        }
    }
}
