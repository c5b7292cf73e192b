// The live path's way back into the log: what a connection missed, read in bounded chunks. No transaction stays open
// in between, so that pages are freed behind the slowest reader as well.

internal import NIOCore

/// Reads what single connections are sent, again, from the log.
///
/// Any thread; the log's pages may have to come from the disk, so not on a loop that serves sockets.
public struct CatchUp: Sendable {
    /// A stretch of the log that a connection is to be sent.
    public struct Request: Equatable, Sendable {
        /// The first position.
        public var first: Position
        /// The last position.
        public var last: Position
        /// The offset that the stretch gets in the connection's own stream.
        public var offset: UInt64
    }

    /// The beginning of a stretch, or all of it.
    public struct Chunk: Sendable {
        /// Everything addressed to the connection, in order.
        public var run: FrameRun
        /// The last position that it covers.
        public var last: Position
    }

    /// The most bytes of a chunk, beside its last delivery.
    public static let chunkBytesMax = 256 << 10

    private let log: EventLog
    private let configuration: EngineConfiguration
    private let bytesMax: Int

    /// Reads from `log` what the session with this configuration delivered.
    ///
    /// - Parameter bytesMax: the most bytes of a chunk, beside its last delivery.
    public init(_ log: EventLog, configuration: EngineConfiguration, bytesMax: Int = chunkBytesMax) {
        self.log = log
        self.configuration = configuration
        self.bytesMax = bytesMax
    }

    /// Reads a chunk: at most `LogReader.chunkEventsMax` events, in one read transaction.
    ///
    /// - Precondition: the positions lie behind the connection's `connected`, in the session that runs.
    /// - Throws: `damaged` where the log has not, or no more, what was asked for.
    public func read(_ request: Request, for connection: ConnectionID) throws(LogError) -> Chunk {
        var transcriber = Transcriber(of: connection, configuration, offset: request.offset)
        var reader = try LogReader(log, from: request.first)
        var last = request.first.previous
        for event in try reader.read(through: request.last, bytesMax: bytesMax) {
            transcriber.add(event)
            last = event.position
            if transcriber.run.bytes.readableBytes >= bytesMax { break }
        }
        guard last >= request.first else {
            throw .damaged(position: request.first, reason: "the record is missing")
        }
        return Chunk(run: transcriber.run, last: last)
    }
}
