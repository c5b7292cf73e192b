// What the broadcast tests share: connections by number, and frames that can be read back.

import NIOCore
import RepriseTesting

@testable import Reprise

/// A frame as a server sends it: unmasked.
struct SentFrame: Equatable {
    var first: UInt8
    var payload: [UInt8]

    var opcode: UInt8 { first & 0x0F }
    var isFinal: Bool { first & 0x80 != 0 }
    var text: String { String(decoding: payload, as: UTF8.self) }

    /// Takes whole frames from the front of `bytes`; what is left is the beginning of one more.
    static func takeAll(from bytes: inout ArraySlice<UInt8>) -> [SentFrame] {
        var frames: [SentFrame] = []
        while let frame = take(from: &bytes) { frames.append(frame) }
        return frames
    }

    private static func take(from bytes: inout ArraySlice<UInt8>) -> SentFrame? {
        let all = Array(bytes.prefix(10))
        guard all.count >= 2 else { return nil }
        let lengthBytes = all[1] < 126 ? 0 : all[1] == 126 ? 2 : 8
        guard all.count >= 2 + lengthBytes else { return nil }
        let length = lengthBytes == 0 ? Int(all[1]) : all[2..<2 + lengthBytes].reduce(0) { $0 << 8 | Int($1) }
        guard bytes.count >= 2 + lengthBytes + length else { return nil }
        let payload = bytes.dropFirst(2 + lengthBytes).prefix(length)
        bytes = bytes.dropFirst(2 + lengthBytes + length)
        return SentFrame(first: all[0], payload: Array(payload))
    }
}

extension SeededGenerator {
    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

extension ConnectionID {
    /// The connection with this number.
    static func number(_ number: UInt64) -> ConnectionID { ConnectionID(token: Token(high: number << 8, low: 7)) }
}

extension RequestID {
    static let sample = RequestID(token: Token(high: 0x0123_4567_89AB_CDEF, low: 1))
}

extension ByteBuffer {
    var bytes: [UInt8] { Array(readableBytesView) }

    /// A text frame.
    static func text(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        FrameEncoder.append(
            .text, payload: ByteBuffer(string: text).readableBytesSpan, frameBytesMax: 1 << 20, to: &buffer)
        return buffer
    }

    static var ping: ByteBuffer {
        var buffer = ByteBuffer()
        FrameEncoder.appendPing(ByteBuffer().readableBytesSpan, to: &buffer)
        return buffer
    }

    static func pong(_ text: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        FrameEncoder.appendPong(ByteBuffer(string: text).readableBytesSpan, to: &buffer)
        return buffer
    }

    static func closing(_ code: CloseCode = .goingAway) -> ByteBuffer {
        var buffer = ByteBuffer()
        FrameEncoder.appendClose(code, reason: "", to: &buffer)
        return buffer
    }
}

extension FrameRun {
    /// A run of text frames, each ordered by its own position.
    init(start: UInt64, _ texts: [(position: UInt64, text: String)]) {
        self.init(start: start)
        for (position, text) in texts {
            bytes.writeImmutableBuffer(.text(text))
            marks.append(Mark(position: Position(position), end: end))
        }
    }
}

/// Makes events in order of position.
struct EventSequence {
    var events: [Event] = []

    init(configuration: EngineConfiguration = EngineConfiguration()) {
        add(
            .sessionStarted(
                SessionStarted(session: SessionID(1), version: "test", node: "test", configuration: configuration)))
    }

    @discardableResult
    mutating func add(_ fact: Fact) -> Position {
        let position = Position(UInt64(events.count + 1))
        events.append(Event(position: position, time: Timestamp(rawValue: Int64(events.count)), fact: fact))
        return position
    }

    @discardableResult
    mutating func connect(_ number: UInt64) -> Position {
        add(
            .connected(
                Connected(
                    connection: .number(number), request: .sample, sourceIP: "127.0.0.1", host: "localhost",
                    stage: "dev")))
    }

    @discardableResult
    mutating func disconnect(_ number: UInt64) -> Position {
        add(
            .disconnected(
                Disconnected(
                    connection: .number(number), request: .sample, code: .normal, reason: "", cause: .client)))
    }

    @discardableResult
    mutating func message(
        _ number: UInt64, _ body: String, _ outcome: RouteOutcome = .route("onMessage"),
        opcode: MessageOpcode = .text
    ) -> Position {
        add(
            .message(
                Message(
                    connection: .number(number), message: MessageID(token: Token(high: number, low: 2)),
                    request: .sample, opcode: opcode, body: ByteBuffer(string: body), outcome: outcome)))
    }

    @discardableResult
    mutating func send(_ body: String, to target: SendTarget, opcode: MessageOpcode = .text) -> Position {
        add(.sent(Sent(request: .sample, target: target, opcode: opcode, body: ByteBuffer(string: body))))
    }
}

/// Gives every connection the bytes that plans order for it.
struct PlanReader {
    private var stream: [UInt8] = []
    private var cursors: [ConnectionID: Int] = [:]
    /// Everything that each connection was to be sent.
    private(set) var sent: [ConnectionID: [UInt8]] = [:]

    mutating func perform(_ plan: DeliveryPlan) {
        precondition(Int(plan.run.start) == stream.count, "a run at \(plan.run.start) after \(stream.count) bytes")
        stream += plan.run.bytes.bytes
        for exception in plan.exceptions {
            let connection = exception.connection
            let offset = Int(exception.offset)
            switch exception.change {
            case .activate:
                cursors[connection] = offset
            case .deactivate:
                catchUp(connection, to: offset)
                cursors[connection] = nil
            case .frame(_, let range):
                catchUp(connection, to: offset)
                sent[connection, default: []] += plan.targeted.bytes[range]
            case .skipped:
                break
            }
        }
        for connection in cursors.keys { catchUp(connection, to: stream.count) }
    }

    private mutating func catchUp(_ connection: ConnectionID, to offset: Int) {
        guard let cursor = cursors[connection], cursor < offset else { return }
        sent[connection, default: []] += stream[cursor..<offset]
        cursors[connection] = offset
    }

    /// The texts of a connection's frames.
    func texts(of number: UInt64) -> [String] {
        var bytes = (sent[.number(number)] ?? [])[...]
        return SentFrame.takeAll(from: &bytes).map(\.text)
    }
}
