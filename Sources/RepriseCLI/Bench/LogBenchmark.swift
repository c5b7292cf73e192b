// The measured loop of `reprise bench log`. It lives with the command: the engine has no clock.

internal import Foundation
internal import LMDB
internal import NIOCore
internal import Reprise

/// One cell of the table: how often `LogWriter.commit` takes a batch of messages, and `LogReader` reads them back.
struct LogBenchmark {
    /// Events in a transaction.
    var batch: Int
    /// When commits reach the disk.
    var durability: RunState.Durability
    /// How long to append.
    var seconds: Double

    /// Between syncs with `interval`, as with `serve`.
    static let syncInterval = Duration.milliseconds(100)
    /// Payload bytes of the messages.
    static let bodyBytes = 64

    /// What one run measured.
    struct Rates {
        /// Events committed per second.
        var appendsPerSecond: Double
        /// Events per second that were read, checked and decoded.
        var readsPerSecond: Double
    }

    /// Appends to a new log in `folder`, which must be empty, then reads all of it.
    func run(in folder: String) throws -> Rates {
        let log = try EventLog(
            path: folder,
            access: .create(
                mapBytes: EventLog.mapBytesDefault, synchronization: durability == .always ? .everyCommit : .onRequest),
            newID: LogID(rawValue: 1))
        let appendsPerSecond = try append(to: log)
        let start = ContinuousClock.now
        var reader = try LogReader(log, from: Position(1))
        var count = 0
        while case let events = try reader.read(), !events.isEmpty { count += events.count }
        return Rates(appendsPerSecond: appendsPerSecond, readsPerSecond: Double(count) / start.secondsUntilNow)
    }

    private func append(to log: EventLog) throws -> Double {
        var writer = try LogWriter(log)
        var events = (1...batch).map { LogBenchmark.message(UInt64($0)) }
        let start = ContinuousClock.now
        var now = start
        var synced = start
        repeat {
            try writer.commit(events)
            for index in events.indices { events[index].position.rawValue += UInt64(batch) }
            now = ContinuousClock.now
            if durability == .interval, now - synced >= LogBenchmark.syncInterval {
                try log.environment.sync()
                now = ContinuousClock.now
                synced = now
            }
        } while (now - start).inSeconds < seconds
        return Double(writer.tail.position.rawValue) / (now - start).inSeconds
    }

    /// A message as the default route takes it, the only fact that comes in numbers.
    static func message(_ position: UInt64) -> Event {
        let body = #"{"action":"onMessage","data":""#
        let padding = String(repeating: "x", count: bodyBytes - body.utf8.count - 2)
        return Event(
            position: Position(position), time: Timestamp(rawValue: 1_800_000_000_000_000_000),
            fact: .message(
                Message(
                    connection: ConnectionID(token: Token(high: position &* 0x9E37_79B9_7F4A_7C15, low: 1)),
                    message: MessageID(token: Token(high: position, low: 2)),
                    request: RequestID(token: Token(high: position, low: 3)), opcode: .text,
                    body: ByteBuffer(string: "\(body)\(padding)\"}"), outcome: .route("onMessage"))))
    }

    /// Bytes of a record in the log, which is the size that the floor appends.
    static var recordBytes: Int {
        var record = ByteBuffer()
        _ = EventCodec.encode(message(1), previousHash: 0, into: &record)
        return record.readableBytes
    }
}

extension Duration {
    fileprivate var inSeconds: Double { self / .seconds(1) }
}

extension ContinuousClock.Instant {
    fileprivate var secondsUntilNow: Double { (ContinuousClock.now - self).inSeconds }
}
