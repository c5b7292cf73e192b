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

    /// Bytes for which room is made per event that may come, before its size is known.
    private static let eventBytesExpected = 512

    /// The log.
    public let log: EventLog
    /// The next position to read.
    public private(set) var next: Position
    /// Bytes of the records that were copied out of the map.
    public private(set) var bytesRead: UInt64 = 0
    private var hash: UInt64
    private var names = RecentTexts()
    /// The storage of the last chunk, used again where no event of it is left.
    private var chunk = LogChunk()

    /// Reads from `position` on. The record before it, or the cut, is trusted for its chain hash.
    ///
    /// - Throws: `trimmed` where the log begins behind `position`.
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
    /// - Throws: `damaged` with the first position that is missing or not what was written; `trimmed` where a trim has
    ///   overtaken the reader.
    public mutating func read(
        through last: Position = Position(.max), bytesMax: Int = chunkBytesMax
    ) throws(LogError) -> [Event] {
        var events: [Event] = []
        try read(through: last, bytesMax: bytesMax, into: &events)
        return events
    }

    /// The same, into an array that is emptied first and keeps its storage.
    public mutating func read(
        through last: Position = Position(.max), bytesMax: Int = chunkBytesMax, into events: inout [Event]
    ) throws(LogError) {
        var chunk = LogChunk()
        swap(&chunk, &self.chunk)
        defer { swap(&chunk, &self.chunk) }
        try read(through: last, bytesMax: bytesMax, chunk: &chunk, into: &events)
    }

    /// The same, into storage that the caller keeps: events of the chunk before may then go on living.
    mutating func read(
        through last: Position, bytesMax: Int = chunkBytesMax, chunk: inout LogChunk, into events: inout [Event]
    ) throws(LogError) {
        events.removeAll(keepingCapacity: true)
        try copy(into: &chunk, through: last, bytesMax: bytesMax)
        bytesRead += UInt64(chunk.records.readableBytes)
        try decode(chunk, into: &events)
    }

    /// Copies the next records out of the map.
    private func copy(into chunk: inout LogChunk, through last: Position, bytesMax: Int) throws(LogError) {
        chunk.ends.removeAll(keepingCapacity: true)
        guard next <= last else { return chunk.records.clear() }
        let countMax = Int(min(UInt64(LogReader.chunkEventsMax), last.rawValue - next.rawValue + 1))
        chunk.records.clear(minimumCapacity: min(bytesMax, countMax * LogReader.eventBytesExpected))
        try log.read { transaction in
            try transaction.withCursor(log.tables.events) { cursor in
                guard try cursor.seek(next.rawValue), cursor.key <= last.rawValue else { return }
                guard cursor.key == next.rawValue else {
                    if let cut = try log.cut(in: transaction), next <= cut.position {
                        throw LogError.trimmed(position: next, first: cut.position.next)
                    }
                    throw LogError.damaged(position: next, reason: "the next record is at \(cursor.key)")
                }
                try chunk.records.writeWithOutputRawSpan(
                    minimumWritableBytes: cursor.withValue { $0.byteCount }
                ) { output in
                    _ = try cursor.copyRun(
                        through: last.rawValue, countMax: countMax, bytesMax: bytesMax, to: &output, ends: &chunk.ends)
                }
            }
        }
    }

    /// Checks and decodes what was copied.
    private mutating func decode(_ chunk: borrowing LogChunk, into events: inout [Event]) throws(LogError) {
        events.reserveCapacity(chunk.ends.count)
        let records = chunk.records
        let bytes = records.readableBytesSpan
        var start = 0
        for end in chunk.ends {
            do throws(RecordDamage) {
                events.append(
                    try EventCodec.decode(records, bytes, start..<end, at: next, hash: &hash, names: &names))
            } catch {
                if !events.isEmpty { break }
                throw .damaged(position: next, reason: error.description)
            }
            next = next.next
            start = end
        }
    }
}

/// Records as they were copied out of the map. Events that were read from them share the storage.
struct LogChunk: Sendable {
    /// The records, side by side.
    fileprivate var records = ByteBuffer()
    /// Where each ends in `records`.
    fileprivate var ends: [Int] = []
}
