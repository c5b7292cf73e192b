// What is read from disk, and what is imported.

internal import LMDB
internal import NIOCore
internal import Reprise

extension FuzzTarget {
    /// Records of the log. The bytes get the chain hash that belongs to them, or nothing but the hash would be tested.
    static let records = FuzzTarget(
        name: "records", summary: "EventCodec: no record traps, and what can be read is written the same way again"
    ) { bytes in
        let position = Position(7)
        _ = try? EventCodec.decode(bytes, at: position, previousHash: 1)
        var record = bytes
        var hashed = ByteBuffer(integer: position.rawValue, endianness: .little)
        hashed.writeImmutableBuffer(bytes)
        record.writeInteger(XXH64.hash(hashed.readableBytesSpan, seed: 1), endianness: .little)
        let event: Event
        do throws(RecordDamage) {
            event = try EventCodec.decode(record, at: position, previousHash: 1).event
        } catch {
            if case .chainHash = error { throw FuzzFinding("\(error), and it was just computed") }
            return
        }
        var again = ByteBuffer()
        _ = EventCodec.encode(event, previousHash: 1, into: &again)
        let second: Event
        do throws(RecordDamage) {
            second = try EventCodec.decode(again, at: position, previousHash: 1).event
        } catch {
            throw FuzzFinding("\(error) in what was encoded of \(event)")
        }
        try expect(second == event, "\(event) was read back as \(second)")
        var third = ByteBuffer()
        _ = EventCodec.encode(second, previousHash: 1, into: &third)
        try expect(third == again, "the same event was written in two ways")
    }

    /// One line of an export.
    static let lines = FuzzTarget(
        name: "lines", summary: "EventJSON: no line traps, and what can be read is written the same way again"
    ) { bytes in
        let event: Event
        do throws(EventJSONError) { event = try EventJSON.parse(bytes) } catch { return }
        var line = ByteBuffer()
        EventJSON.append(event, to: &line)
        let again: Event
        do throws(EventJSONError) {
            again = try EventJSON.parse(line)
        } catch {
            throw FuzzFinding("\(error) in what was written of \(event): \(String(buffer: line))")
        }
        try expect(again == event, "\(event) was read back as \(again)")
        var record = ByteBuffer()
        _ = EventCodec.encode(event, previousHash: 1, into: &record)
        let stored: Event
        do throws(RecordDamage) {
            stored = try EventCodec.decode(record, at: event.position, previousHash: 1).event
        } catch {
            throw FuzzFinding("\(error) in what was stored of \(event)")
        }
        try expect(stored == event, "\(event) was stored as \(stored)")
    }

    /// A whole import. What it takes must be a sound log; what it refuses must leave nothing behind.
    static let imports = FuzzTarget(
        name: "imports",
        summary: "LogImport: refused and nothing left, or a log that verifies, and whose export makes the same log"
    ) { bytes in
        let folder = TemporaryFolder()
        let path = "\(folder.path)/log"
        var events: UInt64 = 0
        do {
            var half = bytes
            let cut = bytes.readableBytes / 2
            var importing = try LogImport(into: path, id: LogID(rawValue: 1), mapBytes: 1 << 24)
            if let first = half.readSlice(length: cut) { try importing.append(first) }
            try importing.append(half)
            events = try importing.finish().events
        } catch is LogImportError {
            let left = TemporaryFolder.names(in: path) + TemporaryFolder.names(in: folder.path)
            return try expect(left.isEmpty, "a refused import left \(left)")
        }
        let log = try EventLog(path: path, access: .read, newID: LogID(rawValue: 1))
        var verifier = try LogVerifier(log)
        do {
            _ = try verifier.run()
        } catch {
            throw FuzzFinding("an imported log of \(events) events does not verify: \(error)")
        }
        let found = try log.events()
        try expect(found.count == events, "\(events) events were imported, and the log has \(found.count)")
        var lines = ByteBuffer()
        for event in found {
            EventJSON.append(event, to: &lines)
            lines.writeString("\n")
        }
        var again = try LogImport(into: "\(folder.path)/again", id: LogID(rawValue: 2), mapBytes: 1 << 24)
        try again.append(lines)
        _ = try again.finish()
        let copy = try EventLog(path: "\(folder.path)/again", access: .read, newID: LogID(rawValue: 2))
        try expect(try copy.events() == found, "an export of the log makes another log")
    }
}
