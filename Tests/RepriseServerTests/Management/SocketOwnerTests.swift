import NIOCore
import Testing

@testable import RepriseServer

@Suite struct SocketOwnerTests {
    @Test func `a socket of this process is trusted, and one that was closed belongs to nobody`() async throws {
        let configuration = ServerConfiguration()
        try await LiveServer.run(configuration) { server in
            let client = try LiveClient(port: server.port)
            let own = try SocketAddress(ipAddress: "127.0.0.1", port: try client.ownPort)
            let remote = try SocketAddress(ipAddress: "127.0.0.1", port: server.port)
            #expect(SocketOwner.of(own, connectedTo: remote) == .trusted)
            let nobody = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
            #expect(SocketOwner.of(nobody, connectedTo: remote) == .unknown)
            #expect(SocketOwner.of(nil, connectedTo: remote) == .unknown)
            // The kernel says 0 of the user of such a socket, and 0 is root.
            client.reset()
            #expect(SocketOwner.of(own, connectedTo: remote) == .unknown)
        }
    }
}
