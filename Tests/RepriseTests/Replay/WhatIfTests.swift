import NIOCore
import RepriseTesting
import Testing

@testable import Reprise

@Suite struct WhatIfTests {
    private let folder = TemporaryFolder()

    private func rules(_ routes: [String], frameBytesMax: Int = 100, messageBytesMax: Int = .max, binary: Bool = true)
        throws -> MessageRules
    {
        let table = try RouteTable(selectionExpression: .default, routes: routes.map { try Route(parsing: $0) })
        return MessageRules(
            configuration: EngineConfiguration(routes: table, frameBytesMax: frameBytesMax),
            messageBytesMax: messageBytesMax,
            allowsBinary: binary)
    }

    /// A random session, and the comparison of what was recorded with other rules.
    private func compare(_ rules: MessageRules, from start: Position? = nil) throws -> (events: [Event], whatIf: WhatIf)
    {
        var generator = EventGenerator(seed: 77)
        let events = generator.session(events: 1500)
        if TemporaryFolder.names(in: folder.path).isEmpty {
            var builder = try LogBuilder(folder.path)
            try builder.write(events)
        }
        let log = try EventLog(path: folder.path, access: .read, newID: LogID(rawValue: 0))
        let session = try #require(try log.sessions().first)
        var whatIf = try WhatIf(log, session: session, from: start, right: rules)
        try whatIf.run()
        return (events, whatIf)
    }

    private func messages(_ events: [Event]) -> [(position: Position, message: Message)] {
        events.compactMap { if case .message(let message) = $0.fact { ($0.position, message) } else { nil } }
    }

    @Test func `under the recorded rules nothing differs`() throws {
        let (events, whatIf) = try compare(try rules(EventGenerator.routes))
        #expect(whatIf.first == nil)
        #expect(whatIf.counts.differing == 0)
        #expect(whatIf.counts.messages == UInt64(messages(events).count))
        #expect(whatIf.counts.recipientsLeft == whatIf.counts.recipientsRight)
        var engine = Engine()
        _ = engine.apply(events)
        #expect(whatIf.counts.recipientsLeft == engine.digest.deliveries)
    }

    @Test func `a route that replies has fewer recipients`() throws {
        var routes = EventGenerator.routes
        routes[1] = "shout=echo:message"
        let (events, whatIf) = try compare(try rules(routes))
        let shouts = messages(events).filter { $0.message.outcome == .route("shout") }
        let first = try #require(whatIf.first)
        #expect(shouts.map(\.position).contains(first.event.position))
        #expect(first.left.verdict == first.right.verdict)
        #expect(first.left.planned?.recipients ?? 0 > first.right.planned?.recipients ?? 0)
        #expect(whatIf.counts.otherRecipients == whatIf.counts.differing)
        #expect(whatIf.counts.otherPayload == 0)
        #expect(whatIf.counts.recipientsMore == 0)
        #expect(whatIf.counts.recipientsFewer == whatIf.counts.recipientsLeft - whatIf.counts.recipientsRight)
    }

    @Test func `a route that is missing refuses, a new one accepts, and a refusal may get another reason`() throws {
        let (events, missing) = try compare(try rules(EventGenerator.routes.filter { !$0.hasPrefix("echo=") }))
        let echoes = messages(events).filter { $0.message.outcome == .route("echo") }
        #expect(missing.counts.newlyRefused == UInt64(echoes.count))
        #expect(missing.first?.event.position == echoes.first?.position)
        #expect(missing.first?.right.verdict == .outcome(.refused(.forbidden)))
        let accepted = try compare(try rules(EventGenerator.routes + ["$default=echo:message"])).whatIf
        let refused = messages(events).filter { $0.message.outcome == .refused(.forbidden) }
        #expect(accepted.counts.newlyAccepted == UInt64(refused.count))
        let reworded = try compare(try rules(EventGenerator.routes + ["$default=echo:data"])).whatIf
        #expect(reworded.counts.otherRefusal > 0)
        let moved = try compare(try rules(["$default=broadcast:message"])).whatIf
        #expect(moved.counts.otherRoute > 0 && moved.counts.otherPayload > 0 && moved.counts.recipientsMore > 0)
    }

    @Test func `limits close senders or split frames`() throws {
        let (events, small) = try compare(try rules(EventGenerator.routes, messageBytesMax: 200))
        let large = messages(events).filter { $0.message.body.readableBytes > 200 }
        #expect(small.counts.closing == UInt64(large.count))
        #expect(small.first?.right.verdict == .closes(.messageTooBig))
        let textual = try compare(try rules(EventGenerator.routes, binary: false)).whatIf
        #expect(textual.counts.closing == UInt64(messages(events).filter { $0.message.opcode == .binary }.count))
        let split = try compare(try rules(EventGenerator.routes, frameBytesMax: 10)).whatIf
        #expect(split.counts.otherFrames > 0)
        #expect(split.counts.otherFrames == split.counts.differing)
    }

    @Test func `what lies before the start is folded and not compared`() throws {
        var routes = EventGenerator.routes
        routes[1] = "shout=echo:message"
        let whole = try compare(try rules(routes)).whatIf
        let first = try #require(whole.first)
        let rest = try compare(try rules(routes), from: first.event.position.next).whatIf
        #expect(rest.counts.differing == whole.counts.differing - 1)
        #expect(try #require(rest.first).event.position > first.event.position)
    }
}
