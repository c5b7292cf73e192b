internal import NIOCore
internal import Reprise

/// Where a player's deliveries enter the live path: the gateway of one loop.
struct PlaybackStage: Sendable {
    private let room: LoopRoom

    init(_ room: LoopRoom) { self.room = room }

    /// Orders a delivery to everyone who is connected.
    func submit(_ item: PlaybackItem, reply: EventLoopPromise<SendOutcome>) {
        room.eventLoop.execute { [parts = room.parts] in
            let gateway = parts.value.0
            gateway.submit(
                Sent(request: gateway.makeRequestID(), target: .everyone, opcode: item.opcode, body: item.payload),
                reply: reply)
        }
    }
}

/// Plays a recording: hands in each recorded delivery when it is due.
///
/// Owner: its own event loop, whose thread also reads the log. `@unchecked Sendable`: every mutable property is confined
/// to that loop.
final class Player: @unchecked Sendable {
    /// Where the playback stands.
    enum State: String {
        /// Nobody has connected yet.
        case waiting
        case playing
        case paused
        /// Everything was played.
        case ended
        /// The recording cannot be read, or what is played cannot be recorded.
        case failed
    }

    let eventLoop: any EventLoop
    let playback: Playback
    let wallClock: @Sendable () -> Timestamp
    var source: PlaybackSource
    private(set) var state = State.waiting
    private(set) var failure: String?
    private(set) var speed: Double?
    /// The position and the time of what was played last.
    private(set) var position: Position
    private(set) var time: Timestamp?
    private(set) var viewers: @Sendable () -> Int = { 0 }
    private var stage: PlaybackStage?

    /// The next delivery, and when it is due.
    private var next: (item: PlaybackItem, due: NIODeadline)?
    /// From recorded time to time since `base`; `nil` for as fast as it goes.
    private var clock: ReplayClock?
    private var base = NIODeadline.uptimeNanoseconds(0)
    private var turn: Scheduled<Void>?
    /// Bytes that were handed in and are not committed.
    private var unansweredBytes = 0

    /// The most bytes that wait to be committed; more wait in the log.
    static let unansweredBytesMax = 4 << 20
    /// The most deliveries in one turn of the loop.
    private static let turnMax = 256

    /// - Throws: what `PlaybackSource` throws.
    init(_ playback: Playback, eventLoop: any EventLoop, clock: @escaping @Sendable () -> Timestamp) throws {
        self.playback = playback
        self.eventLoop = eventLoop
        wallClock = clock
        source = try PlaybackSource(playback)
        speed = playback.speed
        position = source.range.lowerBound.previous
    }

    /// Connects the live path. Plays at once, or with the first viewer.
    func start(_ stage: PlaybackStage, viewers: @escaping @Sendable () -> Int) -> EventLoopFuture<Void> {
        eventLoop.submit {
            self.stage = stage
            self.viewers = viewers
            if self.playback.startsAtOnce { self.begin() }
        }
    }

    /// Stops for good.
    func stop() async throws {
        try await eventLoop.submit {
            self.turn?.cancel()
            self.stage = nil
        }.get()
    }

    /// Somebody is connected, and gets what is handed in from now on.
    func viewerJoined() {
        eventLoop.execute { if self.state == .waiting { self.begin() } }
    }

    // MARK: Being told

    private func begin() {
        state = .playing
        do throws(LogError) {
            let first = try source.time(of: source.range.lowerBound)
            if let moment = time ?? first { anchor(at: moment) }
        } catch {
            return fail(error)
        }
        play()
    }

    /// Pauses, or goes on where it was.
    func setPaused(_ isPaused: Bool) {
        switch (state, isPaused) {
        case (.waiting, false), (.paused, false): begin()
        case (.waiting, true), (.playing, true), (.ended, true):
            let now = recordedNow
            turn?.cancel()
            time = now ?? time
            state = .paused
        case (.playing, false), (.paused, true), (.ended, false), (.failed, _): break
        }
    }

    /// Plays on at another speed.
    func setSpeed(_ speed: Double?) {
        let now = recordedNow
        self.speed = speed
        guard state == .playing else { return }
        if let now { anchor(at: now) }
        play()
    }

    /// Plays on from a position of the range, or is ready to when it is paused.
    func go(to position: Position) {
        do throws(LogError) {
            try source.seek(position)
            next = nil
            self.position = position.previous
            time = try source.time(of: position)
        } catch {
            return fail(error)
        }
        if state == .ended { state = .playing }
        guard state == .playing else { return }
        if let time { anchor(at: time) }
        play()
    }

    /// The recorded time that it is now, if the playback runs.
    private var recordedNow: Timestamp? {
        guard state == .playing, let (item, due) = next, let speed else { return time }
        let left = max(0, Double((due - .now()).nanoseconds)) * speed
        let moment = item.time.rawValue - Int64(left)
        return Timestamp(rawValue: max(moment, time?.rawValue ?? moment))
    }

    /// From now on, `recorded` is now.
    private func anchor(at recorded: Timestamp) {
        clock = speed.map { ReplayClock(speed: $0, waitMax: playback.waitMax) }
        _ = clock?.due(recorded)
        base = .now()
        if let item = next?.item { next = (item, due(item)) }
    }

    private func due(_ item: PlaybackItem) -> NIODeadline {
        guard let due = clock?.due(item.time) else { return base }
        return base + TimeAmount(due)
    }

    // MARK: Playing

    /// Hands in what is due, and comes back when the next is.
    private func play() {
        turn?.cancel()
        turn = nil
        guard state == .playing, let stage else { return }
        for _ in 0..<Player.turnMax {
            guard unansweredBytes < Player.unansweredBytesMax else { return }  // an answer calls again
            do throws(LogError) {
                if next == nil { next = try source.next().map { ($0, due($0)) } }
            } catch {
                return fail(error)
            }
            guard let (item, due) = next else { return reachedEnd() }
            guard due <= .now() else {
                turn = eventLoop.assumeIsolated().scheduleTask(deadline: due) { self.play() }
                return
            }
            next = nil
            position = item.position
            time = item.time
            hand(item, to: stage)
        }
        eventLoop.execute { self.play() }
    }

    private func hand(_ item: PlaybackItem, to stage: PlaybackStage) {
        let bytes = item.payload.readableBytes + 256
        unansweredBytes += bytes
        let reply = eventLoop.makePromise(of: SendOutcome.self)
        reply.futureResult.assumeIsolated().whenComplete { result in
            let wasFull = self.unansweredBytes >= Player.unansweredBytesMax
            self.unansweredBytes -= bytes
            if case .success(.committed) = result {
                if wasFull { self.play() }
            } else if self.state != .failed {
                self.state = .failed
                self.failure = "what is played cannot be recorded: the scratch log is full, or its disk is"
            }
        }
        stage.submit(item, reply: reply)
    }

    private func reachedEnd() {
        guard playback.repeats, position >= source.range.lowerBound else {
            state = .ended
            return
        }
        // Behind what is on its way, and never twice in one turn: a short recording must not starve the loop.
        eventLoop.execute { if self.state == .playing { self.go(to: self.source.range.lowerBound) } }
    }

    private func fail(_ error: LogError) {
        turn?.cancel()
        state = .failed
        failure = error.description
    }
}

extension TimeAmount {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self = .nanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
