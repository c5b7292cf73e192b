import Reprise
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `A checkpoint of a server` {
    private let folder = TemporaryFolder()

    @Test func `names the slowest commit since the one before it`() async throws {
        let configuration = LiveServer.configuration(folder)
        try await LiveServer.run(configuration) { server in
            let client = try server.connect()
            for round in 0..<13 {
                for index in 0..<200 { try client.broadcast("\(round * 200 + index)") }
                for _ in 0..<200 { _ = try client.receive() }
            }
        }
        let checkpoints = try Recording(configuration.dataPath).checkpoints
        #expect(checkpoints.count >= 3)
        var before = Position.zero
        for checkpoint in checkpoints {
            let commit = try #require(checkpoint.observation.slowestCommit)
            #expect(commit.last > before && commit.last <= checkpoint.position)
            #expect(commit.nanoseconds > 0)
            before = checkpoint.position
        }
    }
}
