// The corpora of the fuzzers as ordinary tests: what was found once is looked for in every run, without libFuzzer.

import Foundation
import NIOCore
import RepriseTesting
import Testing

@Suite struct FuzzTargetTests {
    private static let corpora = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz")

    @Test(arguments: FuzzTarget.all.map(\.name))
    func `every input of the corpus keeps every promise`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.corpora.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let bytes = ByteBuffer(bytes: try Data(contentsOf: file))
            #expect(throws: Never.self, "\(file.lastPathComponent)") { try target.body(bytes) }
        }
    }

    @Test func `a body that is broken is noticed`() {
        #expect(throws: FuzzFinding.self) { try FuzzTarget.canary.body(ByteBuffer(string: "birds")) }
        #expect(throws: Never.self) { try FuzzTarget.canary.body(ByteBuffer(string: "bir")) }
    }
}
