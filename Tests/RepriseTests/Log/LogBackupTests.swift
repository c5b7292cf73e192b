import LMDB
import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct LogBackupTests {
    private let folder = TemporaryFolder()
    private var source: String { folder.path + "/source" }
    private var target: String { folder.path + "/a/b/copy" }

    private func write(seed: UInt64 = 301) throws -> LogBuilder {
        var generator = EventGenerator(seed: seed)
        var builder = try LogBuilder(source)
        for session in [generator.session(events: 3000), generator.unfinishedSession(events: 6000)] {
            var rest = session[...]
            while !rest.isEmpty {
                try builder.write(Array(rest.prefix(700)))
                rest = rest.dropFirst(700)
            }
        }
        return builder
    }

    private func open(_ path: String) throws -> EventLog {
        try EventLog(path: path, access: .read, newID: LogID(rawValue: 0))
    }

    private func compare(_ copy: EventLog, _ log: EventLog) throws {
        #expect(copy.id == log.id)
        #expect(try copy.tail() == log.tail())
        #expect(try copy.cut() == log.cut())
        #expect(try copy.sessions() == log.sessions())
        let end = try log.tail().position
        #expect(try copy.checkpoints(from: .zero, through: end) == log.checkpoints(from: .zero, through: end))
        #expect(try copy.snapshots(from: .zero, through: end) == log.snapshots(from: .zero, through: end))
        var verifier = try LogVerifier(copy)
        _ = try verifier.run()
        for session in try copy.sessions() {
            var replayer = try Replayer(copy, session: session)
            #expect(try replayer.run().divergence == nil)
        }
    }

    @Test func `a copy is the log`() throws {
        let builder = try write()
        let report = try LogBackup.copy(builder.log, to: target, mapBytes: LogBuilder.mapBytes)
        try compare(try open(target), builder.log)
        #expect(report.first == Position(1))
        #expect(report.last == (try builder.log.tail().position))
        #expect(report.digest == builder.engine.digest.value)
        #expect(report.memberSet == builder.engine.projection.memberSet)
        #expect(TemporaryFolder.names(in: folder.path + "/a/b") == ["copy"])
    }

    @Test func `a copy of a trimmed log begins behind the same cut, and is smaller`() throws {
        let builder = try write()
        for place in [2000, 5000] as [UInt64] {
            var trim = try LogTrim(builder.log)
            while try trim.step(before: Position(place)).events > 0 {}
            let path = "\(target)-\(place)"
            let report = try LogBackup.copy(builder.log, to: path, mapBytes: LogBuilder.mapBytes)
            let copy = try open(path)
            try compare(copy, builder.log)
            #expect(report.first == Position(place))
            #expect(report.digest == builder.engine.digest.value)
            #expect(report.bytes < builder.log.environment.info.usedBytes)
            for member in builder.engine.projection.inOrder {
                #expect(try copy.opening(of: member.connection) == builder.log.opening(of: member.connection))
            }
        }
    }

    @Test func `a log that a server trims meanwhile is copied from its new beginning`() throws {
        let builder = try write()
        let log = builder.log
        var trim = try LogTrim(log)
        var copied: [Position] = []
        let report = try LogBackup.copy(log, to: target, mapBytes: LogBuilder.mapBytes) { position, _ in
            copied.append(position)
            // Everything that was copied, and what comes next, goes away under the first attempt.
            guard copied.count == 1 else { return }
            do {
                while try trim.step(before: Position(position.rawValue + 500)).events > 0 {}
            } catch {
                Issue.record(error)
            }
        }
        #expect(report.first == Position(copied[0].rawValue + 500))
        #expect(copied[1] > report.first ?? .zero)
        try compare(try open(target), log)
    }

    @Test func `a log that is trimmed faster than it is copied is given up, and nothing is left`() throws {
        let builder = try write()
        let log = builder.log
        var trim = try LogTrim(log)
        #expect {
            _ = try LogBackup.copy(log, to: target, mapBytes: LogBuilder.mapBytes, attemptsMax: 2) { position, _ in
                do {
                    while try trim.step(before: position.next.next).events > 0 {}
                } catch {
                    Issue.record(error)
                }
            }
        } throws: { error in
            // Each attempt copies a chunk and loses the event after it.
            guard case LogError.trimmed = error else { return false }
            return true
        }
        #expect(TemporaryFolder.names(in: folder.path + "/a/b").isEmpty)
    }

    @Test func `an empty log is copied too`() throws {
        let builder = try LogBuilder(source)
        let report = try LogBackup.copy(builder.log, to: target, mapBytes: LogBuilder.mapBytes)
        #expect(report.first == nil)
        #expect(report.last == .zero)
        #expect(try open(target).id == builder.log.id)
    }

    @Test func `a folder that exists, or that another copy is in, is refused`() throws {
        let builder = try write()
        #expect { _ = try LogBackup.copy(builder.log, to: source) } throws: { error in
            "\(error)".contains("exists already")
        }
        try EventLog.makeFolder(target + ".partial")
        #expect { _ = try LogBackup.copy(builder.log, to: target + "/") } throws: { error in
            "\(error)".contains("another backup")
        }
        #expect(TemporaryFolder.names(in: folder.path + "/a/b") == ["copy.partial"])
    }

    @Test func `a damaged log is not copied, and nothing is left`() throws {
        do { _ = try write() }
        try PlantedDamage(in: source).records { records in records[4000].1[20] ^= 1 }
        let log = try open(source)
        #expect { _ = try LogBackup.copy(log, to: target, mapBytes: LogBuilder.mapBytes) } throws: { error in
            guard case LogError.damaged(Position(4001), _) = error else { return false }
            return true
        }
        #expect(TemporaryFolder.names(in: folder.path + "/a/b").isEmpty)
    }
}
