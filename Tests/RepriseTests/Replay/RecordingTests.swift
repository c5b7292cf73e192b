// Recordings that were made before today's change: what they came to then, they come to now. See Tests/Recordings.

import Foundation
import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct RecordingTests {
    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("Recordings")
    private static let names: [String] = TemporaryFolder.names(in: folder.path).filter { $0.hasSuffix(".jsonl") }
        .map { String($0.dropLast(6)) }

    private static func bytes(_ file: String) throws -> ByteBuffer {
        ByteBuffer(bytes: try Data(contentsOf: folder.appendingPathComponent(file)))
    }

    private static func events(_ name: String) throws -> [Event] {
        try bytes("\(name).jsonl").readableBytesView.split(separator: UInt8(ascii: "\n")).map {
            try EventJSON.parse(ByteBuffer(bytes: $0))
        }
    }

    @Test(arguments: names)
    func `a recording comes to what it came to when it was made`(name: String) throws {
        let data = TemporaryFolder()
        var log = try LogImport(into: data.path, id: LogID(rawValue: 1), mapBytes: LogBuilder.mapBytes)
        try log.append(try Self.bytes("\(name).jsonl"))
        _ = try log.finish()
        let imported = try EventLog(path: data.path, access: .read, newID: LogID(rawValue: 0))

        var lines: [String] = []
        for session in try imported.sessions() {
            var replayer = try Replayer(imported, session: session)
            let report = try replayer.run()
            #expect(report.divergence == nil, "\(name), session \(session.id)")

            var trace = try ReplayTrace(imported, session: session)
            var reader = try LogReader(imported, from: trace.next)
            func add(_ append: (inout ByteBuffer) -> Void) {
                var line = ByteBuffer()
                append(&line)
                lines.append(String(buffer: line))
            }
            let last = try #require(session.last)
            while reader.next <= last {
                trace.apply(try reader.read(through: last)) { step in
                    #expect(step.agrees, "\(name), position \(step.position)")
                    add { step.append(to: &$0) }
                }
            }
            add { trace.appendEnd(to: &$0) }
            #expect(lines.last?.contains(HexDigest(rawValue: report.digest).description) == true)
        }
        let expected = String(buffer: try Self.bytes("\(name).trace")).split(separator: "\n").map(String.init)
        let first = zip(expected, lines).first { $0 != $1 }
        #expect(first == nil, "\(name): expected \(first?.0 ?? ""), found \(first?.1 ?? "")")
        #expect(expected.count == lines.count, "\(name)")
    }

    @Test func `the recordings cover what can be recorded`() throws {
        #expect(Self.names.count >= 20)
        var seen: Set<String> = []
        for name in Self.names {
            for event in try Self.events(name) {
                seen.insert(event.fact.word)
                switch event.fact {
                case .sessionStarted(let started):
                    for route in started.configuration.routes.routes { seen.insert("\(route.action)") }
                case .message(let message):
                    seen.insert("message \(message.opcode.word)")
                    if case .refused(let refusal) = message.outcome { seen.insert(refusal.word) }
                case .sent(let sent):
                    seen.insert("sent \(sent.opcode.word)")
                    seen.insert(sent.target == .everyone ? "to everyone" : "to one")
                case .disconnected(let disconnected):
                    seen.insert("close \(disconnected.cause.word)")
                    if disconnected.deliveredAtLeast != nil { seen.insert("at least") }
                case .sessionEnded(let cause): seen.insert("end \(cause.word)")
                case .connected(let connected): if connected.principal != nil { seen.insert("principal") }
                case .skipped: break
                }
            }
        }
        var all = Fact.words + DisconnectCause.allCases.map { "close \($0.word)" } + Refusal.allCases.map(\.word)
        all += ["broadcast:data", "broadcast:message", "echo:data", "echo:message"]
        all += ["message text", "message binary", "sent text", "sent binary", "to everyone", "to one"]
        all += ["end shutdown", "end crash", "at least", "principal"]
        #expect(all.filter { !seen.contains($0) } == [])
        #expect(["slow-disconnect", "slow-catch-up", "slow-skip"].allSatisfy(Self.names.contains))
    }
}
