// Reading in order, in bounded chunks. Beside a running writer an open read transaction makes LMDB keep every page
// freed since, so each chunk has a transaction of its own: it copies, ends, and only then decodes.

internal import LMDB
internal import NIOCore

/// Reads a log in order of position and checks every record on the way.
public struct LogReader: Sendable {
    /// The most events in a chunk.
    public static let chunkEventsMax = 4096
    /// The most bytes in a chunk, unless a single record is larger. Below 16 MiB, where slices of a `ByteBuffer`
    /// would start to be copies.
    public static let chunkBytesMax = 2 << 20

    /// The log.
    public let log: EventLog
    /// The next position to read.
    public private(set) var next: Position
    private var hash: UInt64

    /// Reads from `position` on. The record before it is trusted for its chain hash.
    public init(_ log: EventLog, from position: Position) throws(LogError) {
        self.log = log
        next = max(position, Position(1))
        hash = try log.chainHash(at: next.previous)
    }

    /// The next events up to `last`, or none at the end.
    ///
    /// What is sound before damage is returned first; the call after that throws.
    ///
    /// - Parameter bytesMax: the most bytes to read, unless a single record is larger.
    /// - Throws: `damaged` with the first position that is missing or not what was written.
    public mutating func read(
        through last: Position = Position(.max), bytesMax: Int = chunkBytesMax
    ) throws(LogError) -> [Event] {
        var bytes = ByteBuffer()
        var ends: [Int] = []
        let first = next
        try log.read { transaction in
            try transaction.withCursor(log.tables.events) { cursor in
                var found = try cursor.seek(first.rawValue)
                while found, cursor.key <= last.rawValue, ends.count < LogReader.chunkEventsMax {
                    let expected = first.rawValue + UInt64(ends.count)
                    guard cursor.key == expected else {
                        if !ends.isEmpty { break }
                        throw LogError.damaged(
                            position: Position(expected), reason: "the next record is at \(cursor.key)")
                    }
                    cursor.withValue { _ = bytes.writeBytes($0) }
                    ends.append(bytes.writerIndex)
                    if bytes.writerIndex >= bytesMax { break }
                    found = try cursor.next()
                }
            }
        }
        var events: [Event] = []
        events.reserveCapacity(ends.count)
        var start = 0
        for end in ends {
            let record = bytes.getSlice(at: start, length: end - start) ?? ByteBuffer()
            do throws(RecordDamage) {
                let decoded = try EventCodec.decode(record, at: next, previousHash: hash)
                hash = decoded.hash
                events.append(decoded.event)
            } catch {
                if !events.isEmpty { break }
                throw .damaged(position: next, reason: error.description)
            }
            next = next.next
            start = end
        }
        return events
    }
}
