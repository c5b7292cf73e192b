import Foundation
import Reprise

extension Case {
    /// Two sizes of batch: a commit allocates a little for itself, so what differs between them is the events'.
    static let log = [committed(64), committed(1024), read]

    private static func committed(_ batch: Int) -> Case {
        Case("log: a message committed, unsynced, in one transaction", operations: batch) { operations in
            let scratch = try ScratchLog()
            var writer = try LogWriter(scratch.log)
            var events = Fixture.messages(operations)
            return Work(
                prepare: { if writer.tail.position >= events[0].position { events.moveOn() } },
                run: { try writer.commit(events) })
        }
    }

    private static let read = Case("log: a message read, checked and decoded", operations: 4096) { operations in
        let scratch = try ScratchLog()
        var writer = try LogWriter(scratch.log)
        try writer.commit(Fixture.messages(operations))
        return Work {
            var reader = try LogReader(scratch.log, from: Position(1))
            var count = 0
            while case let events = try reader.read(), !events.isEmpty { count += events.count }
            precondition(count == operations, "\(count) of \(operations) messages were read")
        }
    }
}

/// A log that leaves nothing behind.
private struct ScratchLog {
    let log: EventLog

    init() throws {
        let path = FileManager.default.temporaryDirectory.path + "/reprise-benchmark-\(UUID().uuidString)"
        log = try EventLog(
            path: path, access: .create(mapBytes: 1 << 30, synchronization: .onRequest), newID: LogID(rawValue: 1))
        // Unlinked at once: the map keeps the file for as long as the process needs it.
        try FileManager.default.removeItem(atPath: path)
    }
}
