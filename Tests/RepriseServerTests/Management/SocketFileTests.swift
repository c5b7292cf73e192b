import Foundation
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct SocketFileTests {
    private static func listening(at path: String) throws -> SocketFile {
        let file = try SocketFile(binding: path)
        #expect(listen(file.descriptor, 1) == 0)
        return file
    }

    @Test func `replaces what nobody listens on, and nothing else`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/socket"
        let first = try SocketFileTests.listening(at: path)
        #expect(throws: SocketFile.Problem.self) { try SocketFile(binding: path) }
        close(first.descriptor)
        let second = try SocketFileTests.listening(at: path)
        defer { close(second.descriptor) }
        second.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func `removes no file that has taken its place`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/socket"
        let first = try SocketFileTests.listening(at: path)
        defer { close(first.descriptor) }
        try FileManager.default.removeItem(atPath: path)
        let second = try SocketFileTests.listening(at: path)
        defer { close(second.descriptor) }
        first.remove()
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test func `leaves a file that is no socket`() throws {
        let folder = TemporaryFolder()
        let path = folder.path + "/file"
        #expect(FileManager.default.createFile(atPath: path, contents: Data("mine".utf8)))
        let problem = #expect(throws: SocketFile.Problem.self) { try SocketFile(binding: path) }
        #expect(problem?.reason.contains("no socket") == true)
        #expect(FileManager.default.contents(atPath: path) == Data("mine".utf8))
    }
}
