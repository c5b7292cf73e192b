import NIOCore
import Testing

@testable import Reprise

/// A bug: after a crash the first plan of the new session began where the old session's stream had ended, and the
/// server stopped at its first connect.
struct SessionStreamTests {
    @Test func `a session's stream begins at zero, whatever was delivered before it`() {
        var generator = SystemRandomNumberGenerator()
        let connection = ConnectionID(using: &generator)
        let request = RequestID(using: &generator)
        let started = SessionStarted(session: SessionID(1), version: "", node: "", configuration: .init())
        var again = started
        again.session = SessionID(2)
        let facts: [Fact] = [
            .sessionStarted(started),
            .connected(Connected(connection: connection, request: request, sourceIP: "", host: "", stage: "")),
            .sent(Sent(request: request, target: .everyone, opcode: .text, body: ByteBuffer(string: "before"))),
            .disconnected(
                Disconnected(connection: connection, request: request, code: .abnormal, reason: "", cause: .crash)),
            .sessionEnded(.crash),
            .sessionStarted(again),
            .connected(Connected(connection: connection, request: request, sourceIP: "", host: "", stage: "")),
            .sent(Sent(request: request, target: .everyone, opcode: .text, body: ByteBuffer(string: "after"))),
        ]
        let events = facts.enumerated().map { index, fact in
            Event(position: Position(UInt64(index + 1)), time: Timestamp(rawValue: 0), fact: fact)
        }

        var engine = Engine()
        let whole = engine.apply(events)
        #expect(whole.run.start == 0)
        #expect(whole.run.bytes == ByteBuffer(bytes: [0x81, 5] + Array("after".utf8)))
        #expect(whole.exceptions.count == 1)

        var stepwise = Engine()
        var ring = FrameRing()
        for event in events {
            let plan = stepwise.apply([event])
            if case .sessionStarted = event.fact { ring = FrameRing() }
            ring.append(plan.run)
        }
        #expect(stepwise.digest == engine.digest)
        #expect(ring.head == whole.run.end)
    }
}
