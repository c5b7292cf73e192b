import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogImportTests {
    private let folder = TemporaryFolder()

    private func lines(_ events: [Event]) -> ByteBuffer {
        var buffer = ByteBuffer()
        for event in events {
            EventJSON.append(event, to: &buffer)
            buffer.writeString("\n")
        }
        return buffer
    }

    private func load(
        _ lines: ByteBuffer, into path: String, id: UInt64 = 2, pieceBytes: Int = 1000
    ) throws -> LogImport.Report {
        var log = try LogImport(into: path, id: LogID(rawValue: id), mapBytes: LogBuilder.mapBytes)
        var rest = lines
        while let piece = rest.readSlice(length: min(pieceBytes, rest.readableBytes)), piece.readableBytes > 0 {
            try log.append(piece)
        }
        return try log.finish()
    }

    private func open(_ path: String) throws -> EventLog {
        try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
    }

    @Test func `an imported export has the same events, digests and checkpoints`() throws {
        var generator = EventGenerator(seed: 61)
        let sessions = [
            generator.session(events: 3000), generator.session(events: 2), generator.unfinishedSession(events: 99),
        ]
        let original = "\(folder.path)/original"
        let copy = "\(folder.path)/copy"
        var builder = try LogBuilder(original)
        for session in sessions {
            // Batches of 1 024 put the checkpoints where an import puts them.
            var rest = session[...]
            while !rest.isEmpty {
                try builder.write(Array(rest.prefix(1024)))
                rest = rest.dropFirst(1024)
            }
        }
        let report = try load(lines(sessions.flatMap(\.self)), into: copy)
        #expect(report.events == UInt64(sessions.flatMap(\.self).count))
        #expect(report.sessions == 3)
        #expect(report.digest == builder.engine.digest)
        #expect(TemporaryFolder.names(in: copy) == ["data.mdb"])

        let (left, right) = (try open(original), try open(copy))
        #expect(left.id != right.id)
        #expect(try left.sessions() == right.sessions())
        let all = (Position.zero, Position(.max))
        #expect(try left.checkpoints(from: all.0, through: all.1) == right.checkpoints(from: all.0, through: all.1))
        #expect(try left.snapshots(from: all.0, through: all.1) == right.snapshots(from: all.0, through: all.1))
        for (one, other) in zip(try left.sessions(), try right.sessions()) {
            var first = try Replayer(left, session: one)
            var second = try Replayer(right, session: other)
            let (expected, found) = (try first.run(), try second.run())
            #expect(expected == found)
            #expect(found.divergence == nil)
        }
        var verifier = try LogVerifier(right)
        _ = try verifier.run()
    }

    @Test(arguments: [1, 7, 1 << 20])
    func `it does not matter how the file is cut`(pieceBytes: Int) throws {
        var generator = EventGenerator(seed: 62)
        let events = generator.session(events: 200)
        var text = lines(events)
        text.moveWriterIndex(to: text.writerIndex - 1)  // nor whether the last line ends
        let report = try load(text, into: "\(folder.path)/copy", pieceBytes: pieceBytes)
        #expect(report.events == UInt64(events.count))
        #expect(try open("\(folder.path)/copy").events() == events)
    }

    @Test func `an empty file makes an empty log`() throws {
        #expect(try load(ByteBuffer(), into: "\(folder.path)/copy").events == 0)
        #expect(try open("\(folder.path)/copy").tail().position == .zero)
    }

    @Test func `a failed import names the line and leaves nothing`() throws {
        var generator = EventGenerator(seed: 63)
        let events = generator.session(events: 5000)
        let path = "\(folder.path)/copy"

        func failure(_ change: (inout [Event]) -> Void) -> String {
            var changed = events
            change(&changed)
            let error = #expect(throws: LogImportError.self) { try load(lines(changed), into: path) }
            #expect(TemporaryFolder.names(in: folder.path).isEmpty)
            return error?.description ?? ""
        }
        #expect(failure { $0.remove(at: 4999) } == "line 5000: the position is 5001, 5000 is next")
        #expect(
            failure { $0.removeFirst() }.hasPrefix("line 1: the export begins at position 2: it is a part of a log"))
        #expect(failure { $0[4500].time = Timestamp(rawValue: 0) }.hasPrefix("line 4501: its time"))
        let open = events.firstIndex { if case .connected = $0.fact { true } else { false } } ?? 0
        let close = events.firstIndex { if case .disconnected = $0.fact { true } else { false } } ?? 0
        #expect(failure { $0[open + 1].fact = $0[open].fact }.contains("is open since position \(open + 1)"))
        // A connection id that comes back after its close, far behind: the table knows it.
        let message = events.lastIndex { if case .message = $0.fact { true } else { false } } ?? 0
        let reused = events.first { $0.fact.connection == events[close].fact.connection }
        #expect(
            failure { if let reused { $0[message].fact = reused.fact } }.hasSuffix("was opened before"))

        var text = lines(Array(events.prefix(10)))
        text.writeString("{\"position\":11}\n")
        let error = #expect(throws: LogImportError.self) { try load(text, into: path) }
        #expect(error == .line(11, .missing("time")))
        #expect(TemporaryFolder.names(in: folder.path).isEmpty)
    }

    @Test func `a folder that holds a log is refused and not touched`() throws {
        var generator = EventGenerator(seed: 64)
        let events = generator.session(events: 10)
        _ = try load(lines(events), into: folder.path)
        #expect(throws: LogError.logExists(path: folder.path)) { try load(lines(events), into: folder.path) }
        #expect(try open(folder.path).tail().position == Position(UInt64(events.count)))
    }

    @Test func `a log that was made meanwhile is not replaced`() throws {
        var generator = EventGenerator(seed: 65)
        let events = generator.session(events: 10)
        var log = try LogImport(into: folder.path, id: LogID(rawValue: 3), mapBytes: LogBuilder.mapBytes)
        try log.append(lines(events))
        do { _ = try LogBuilder(folder.path) }
        do throws(LogImportError) {
            _ = try log.finish()
            Issue.record("the import replaced a log")
        } catch {
            #expect(error == .log(.logExists(path: folder.path)))
        }
        #expect(try open(folder.path).tail().position == .zero)
    }
}
