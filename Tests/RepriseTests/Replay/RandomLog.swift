import NIOCore
import RepriseTesting

@testable import Reprise

/// Random events, all of them in memory, and what they mean for one connection by the simplest means there are.
struct RandomLog {
    var events: [Event] = []
    var log: EventLog?
    var random = SeededGenerator(seed: 0)
    /// What the only checkpoint of the session that runs says.
    var observation = Checkpoint.Observation(performedThrough: .zero)

    /// Takes events up, with disconnects that have delivered any part of what there was.
    mutating func vary(_ events: [Event]) -> [Event] {
        let varied = events.map { event in
            guard case .disconnected(var disconnected) = event.fact else { return event }
            let opened = (self.events + events).first { isOpen($0, disconnected.connection) }?.position ?? .zero
            let through = Position(.random(in: opened.rawValue..<event.position.rawValue, using: &random))
            let isKnown = Int.random(in: 0..<4, using: &random) > 0
            let crashed = disconnected.cause == .crash
            disconnected.deliveredThrough = isKnown && !crashed ? through : nil
            disconnected.deliveredAtLeast = isKnown && crashed ? through : nil
            return Event(position: event.position, time: event.time, fact: .disconnected(disconnected))
        }
        self.events += varied
        return varied
    }

    private func isOpen(_ event: Event, _ connection: ConnectionID) -> Bool {
        if case .connected(let connected) = event.fact { connected.connection == connection } else { false }
    }

    /// What is asked for again and again, by index of the event or by connection.
    private var deliveries: [Delivery?] = []
    private var opens: [ConnectionID: Position] = [:]
    private var closes: [ConnectionID: (position: Position, fact: Disconnected)] = [:]
    private var gaps: [ConnectionID: [ClosedRange<Position>]] = [:]

    /// Looks through all events once. After the last `vary`.
    mutating func index() {
        var configuration = EngineConfiguration()
        for event in events {
            switch event.fact {
            case .sessionStarted(let started): configuration = started.configuration
            case .connected(let fact): opens[fact.connection] = event.position
            case .disconnected(let fact): closes[fact.connection] = (event.position, fact)
            case .skipped(let fact): gaps[fact.connection, default: []].append(fact.first...fact.last)
            case .message, .sent, .sessionEnded: break
            }
            deliveries.append(Delivery(of: event, under: configuration))
        }
    }

    /// Every connection, in order.
    var connections: [ConnectionID] {
        events.compactMap { if case .connected(let connected) = $0.fact { connected.connection } else { nil } }
    }

    /// The positions between a connection's open and its close.
    func life(_ connection: ConnectionID) -> Range<Position.RawValue> {
        (opens[connection]?.rawValue ?? 0) + 1..<(closes[connection]?.position.rawValue ?? .max)
    }

    func delivery(of event: Event) -> Delivery? { deliveries[Int(event.position.rawValue) - 1] }

    func verdict(of event: Event, for connection: ConnectionID) -> Verdict {
        guard let delivery = delivery(of: event), delivery.addresses(connection) else { return .notAddressed }
        let life = life(connection)
        let position = event.position
        if position.rawValue < life.lowerBound { return .notYetConnected }
        if position.rawValue >= life.upperBound { return .alreadyDisconnected }
        if gaps[connection]?.contains(where: { $0.contains(position) }) == true { return .skipped }
        if let close = closes[connection]?.fact {
            if close.cause == .crash { return position <= close.deliveredAtLeast ?? .zero ? .delivered : .unknown }
            return position <= close.deliveredThrough ?? .zero ? .delivered : .cutOff
        }
        if let behind = observation.behind.first(where: { $0.connection == connection }) {
            return position <= behind.deliveredThrough ? .delivered : .unknown
        }
        let isKnown = life.lowerBound <= observation.performedThrough.rawValue + 1
        return isKnown && position <= observation.performedThrough ? .delivered : .unknown
    }

    func transcript(of connection: ConnectionID) -> [Transcript.Entry] {
        var entries: [Transcript.Entry] = []
        for event in events {
            func add(_ content: Transcript.Content) {
                entries.append(Transcript.Entry(position: event.position, time: event.time, content: content))
            }
            var sender: ConnectionID?
            switch event.fact {
            case .connected(let fact): if fact.connection == connection { add(.opened(fact)) }
            case .disconnected(let fact): if fact.connection == connection { add(.closed(fact)) }
            case .skipped(let fact): if fact.connection == connection { add(.skipped(fact)) }
            case .message(let message):
                sender = message.connection
                if message.connection == connection { add(.received(message)) }
            case .sent, .sessionStarted, .sessionEnded: break
            }
            let verdict = verdict(of: event, for: connection)
            guard let delivery = delivery(of: event),
                [.delivered, .cutOff, .skipped, .unknown].contains(verdict)
            else { continue }
            var frames = ByteBuffer()
            FrameEncoder.append(
                delivery.opcode, payload: delivery.payload(of: event).readableBytesSpan, frameBytesMax: 100, to: &frames
            )
            add(
                .sent(
                    Transcript.Outbound(
                        sender: sender, opcode: delivery.opcode, payload: delivery.payload(of: event),
                        frameBytes: frames.readableBytes, fate: verdict)))
        }
        return entries
    }
}

extension Range<Position.RawValue> {
    func contains(_ position: Position) -> Bool { contains(position.rawValue) }
}
