// A recording that meets the world again: its deliveries go to whoever is connected now, over the live path.

internal import NIOCore
public import Reprise

/// What is played, and how.
public struct Playback: Sendable {
    /// The log that holds the recording. It is only read.
    public var log: EventLog
    /// The session to play.
    public var session: Session
    /// Plays what this connection was sent, and not what everyone was.
    public var connection: ConnectionID?
    /// Times faster than recorded; `nil` for as fast as it goes.
    public var speed: Double? = 1
    /// The longest wait between two deliveries, in the time of the playback.
    public var waitMax: Duration?
    /// Whether it begins again at its end.
    public var repeats = false
    /// Whether it plays before anybody is there to see it.
    public var startsAtOnce = false

    /// Plays a session to everyone as everyone saw it, at the recorded pace, once there is somebody.
    public init(_ session: Session, of log: EventLog) {
        self.log = log
        self.session = session
    }
}

/// A delivery of a recording, to be ordered anew.
struct PlaybackItem: Sendable {
    /// Where and when it was recorded.
    var position: Position
    var time: Timestamp
    var opcode: MessageOpcode
    var payload: ByteBuffer
}

/// Reads the deliveries of a recording in order, in bounded chunks.
struct PlaybackSource {
    /// The first position that is played, and the last one that there is now.
    let range: ClosedRange<Position>
    private let log: EventLog
    private let connection: ConnectionID?
    private let configuration: EngineConfiguration
    private var reader: LogReader
    private var chunk: ArraySlice<Event> = []

    /// - Throws: `LogError`; `ServerError.nothingToPlay` when the session, or the connection in it, is not in the log.
    init(_ playback: Playback) throws {
        let (log, session) = (playback.log, playback.session)
        configuration = try log.start(of: session).configuration
        var first = max(session.first, try log.firstPosition() ?? session.first)
        var last = try session.last ?? log.tail().position
        if let connection = playback.connection {
            guard let span = try log.span(of: connection), span.opened >= session.first, span.opened <= last else {
                throw ServerError.nothingToPlay("session \(session.id) has no connection \(connection)")
            }
            first = max(first, span.opened.next)
            last = span.closed?.previous ?? last
        }
        guard first <= last else { throw ServerError.nothingToPlay("the log holds nothing of it") }
        self.log = log
        connection = playback.connection
        range = first...last
        reader = try LogReader(log, from: first)
    }

    /// The recorded time of a position in the range.
    func time(of position: Position) throws(LogError) -> Timestamp? { try log.event(at: position)?.time }

    /// Goes on at `position`, which is in the range.
    mutating func seek(_ position: Position) throws(LogError) {
        reader = try LogReader(log, from: position)
        chunk = []
    }

    /// The next delivery, or `nil` at the end.
    mutating func next() throws(LogError) -> PlaybackItem? {
        while true {
            while let event = chunk.popFirst() {
                guard let delivery = Delivery(of: event, under: configuration), isPlayed(delivery) else { continue }
                return PlaybackItem(
                    position: event.position, time: event.time, opcode: delivery.opcode,
                    payload: delivery.payload(of: event))
            }
            chunk = try reader.read(through: range.upperBound)[...]
            if chunk.isEmpty { return nil }
        }
    }

    private func isPlayed(_ delivery: Delivery) -> Bool {
        if let connection { return delivery.addresses(connection) }
        return delivery.target == .everyone
    }
}
