import Foundation
import Testing

/// A file of expected text beside the tests. `REPRISE_REWRITE_GOLDEN=1` writes what the code gives; review the diff.
struct GoldenFile {
    private let path: String

    init(_ name: String, beside file: String = #filePath) {
        let tests = URL(fileURLWithPath: file).deletingLastPathComponent().deletingLastPathComponent()
        path = tests.appendingPathComponent("Golden/\(name)").path
    }

    /// Compares line by line, so that the first difference is what is shown.
    func expect(_ text: String, location: SourceLocation = #_sourceLocation) throws {
        if ProcessInfo.processInfo.environment["REPRISE_REWRITE_GOLDEN"] == "1" {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
        }
        let golden = try String(contentsOfFile: path, encoding: .utf8)
        let expected = golden.split(separator: "\n", omittingEmptySubsequences: false)
        let found = text.split(separator: "\n", omittingEmptySubsequences: false)
        for (left, right) in zip(expected, found) { #expect(left == right, sourceLocation: location) }
        #expect(expected.count == found.count, sourceLocation: location)
    }
}
