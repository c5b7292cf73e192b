// Clients that send requests in pieces and several at once, answers that come at once, late or never, and a channel that takes
// its time or fails drive one machine in random ways; a model that knows every request says what may be done. Every failure
// names its seed.

import Foundation
import NIOCore
import NIOHTTP1
import RepriseTesting
import Testing

@testable import RepriseServer

@Suite struct `An HTTP exchange machine against its model` {
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `answers in order, one at a time, and nothing behind the last reply`(seed: UInt64) {
        var model = HTTPExchangeModel(seed: seed)
        model.run(steps: 200)
        model.finish()
    }

    @Test func `meets all of this in these simulations, and every transition of the table`() throws {
        var seen: Set<String> = []
        var transitions: Set<String> = []
        for seed in 0..<3000 as Range<UInt64> {
            var model = HTTPExchangeModel(seed: seed)
            model.run(steps: 200)
            model.finish()
            seen.formUnion(model.seen)
            transitions.formUnion(model.transitions)
        }
        #expect(
            seen == [
                "answered all", "answered late", "answered at once", "written late", "written at once",
                "three requests in one read", "stopped by the last reply", "lingered", "unreadable behind a reply",
                "became a WebSocket", "became one behind another reply", "became one behind a 100",
                "refused to become one", "never answered", "cut off", "body too large", "stopping",
            ])
        let table = try Self.table()
        #expect(transitions.subtracting(table).sorted() == [], "are not in the table")
        #expect(table.subtracting(transitions).sorted() == [], "were not met")
    }

    /// The transitions of the article: `PHASE event PHASE`.
    private static func table(file: String = #filePath) throws -> Set<String> {
        let root = (0..<4).reduce(URL(filePath: file)) { url, _ in url.deletingLastPathComponent() }
        let article = root.appending(path: "Sources/RepriseServer/Documentation.docc/HTTPExchange.md")
        let rows = try String(contentsOf: article, encoding: .utf8).split(separator: "\n").map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map { cell in
                String(cell).trimmingCharacters(in: .whitespaces)
            }
        }
        let start = try #require(rows.firstIndex { $0.first == "event" })
        let phases = rows[start].dropFirst()
        var transitions: Set<String> = []
        for row in rows[start...].dropFirst(2).prefix(while: { $0.count > 1 }) {
            for (phase, cell) in zip(phases, row.dropFirst()) {
                for next in cell.split(separator: " ") { transitions.insert("\(phase) \(row[0]) \(next)") }
            }
        }
        return transitions
    }
}

private struct Unexpected: Error {}

@Suite struct HTTPExchangeMachineTests {
    private static func request(
        _ purpose: RequestPurpose = .health, _ method: HTTPMethod = .GET, _ headers: HTTPHeaders = [:]
    ) -> IncomingRequest {
        IncomingRequest(HTTPRequestHead(version: .http1_1, method: method, uri: "/", headers: headers), for: purpose)
    }

    private static func started() -> HTTPExchangeMachine {
        var machine = HTTPExchangeMachine(bodyBytesMax: 100)
        while case .some = machine.next() {}
        return machine
    }

    @Test func `reads nothing until a reply has left`() throws {
        var machine = HTTPExchangeMachineTests.started()
        machine.receive(.head(HTTPExchangeMachineTests.request()))
        machine.receive(.end)
        machine.wantRead()
        guard case .stopDeadline? = machine.next(), case .answer? = machine.next() else { throw Unexpected() }
        #expect(machine.next() == nil)
        machine.answered(.forbidden, isStopping: false)
        guard case .startDeadline(.handshake)? = machine.next(), case .write(_, _, keepAlive: true)? = machine.next()
        else { throw Unexpected() }
        #expect(machine.next() == nil)
        machine.written()
        guard case .startDeadline(.handshake)? = machine.next(), case .read? = machine.next() else {
            throw Unexpected()
        }
        #expect(machine.next() == nil)
    }

    @Test func `no upgrade begins beside a reply that is on its way out`() throws {
        var machine = HTTPExchangeMachineTests.started()
        for purpose in [RequestPurpose.health, .handshake] {
            machine.receive(.head(HTTPExchangeMachineTests.request(purpose)))
            machine.receive(.end)
        }
        guard case .stopDeadline? = machine.next(), case .answer(let first)? = machine.next() else {
            throw Unexpected()
        }
        guard case .health = first.purpose else { throw Unexpected() }
        machine.answered(.forbidden, isStopping: false)
        _ = machine.next()
        guard case .write? = machine.next() else { throw Unexpected() }
        #expect(machine.next() == nil, "the reply has not left")
        machine.written()
        guard case .startDeadline? = machine.next(), case .stopDeadline? = machine.next(),
            case .answer(let second)? = machine.next(), case .handshake = second.purpose,
            case .upgrading = machine.phase
        else { throw Unexpected() }
    }

    @Test func `a request that cannot be read has its reply, and nothing more is read`() throws {
        var machine = HTTPExchangeMachineTests.started()
        machine.receive(.head(HTTPExchangeMachineTests.request(.health, .HEAD)))
        machine.couldNotRead(.headerOverflow)
        guard case .startDeadline? = machine.next(),
            case .write(let reply, let head, keepAlive: false)? = machine.next(), case .endInput? = machine.next()
        else { throw Unexpected() }
        #expect(reply.status == .requestHeaderFieldsTooLarge)
        #expect(head.method == .HEAD)
        machine.wantRead()
        #expect(machine.next() == nil)
        machine.written()
        guard case .close? = machine.next() else { throw Unexpected() }
        #expect(machine.next() == nil)
    }

    @Test func `many requests of one read are answered one after the other`() {
        var machine = HTTPExchangeMachineTests.started()
        for _ in 0..<20_000 {
            machine.receive(.head(HTTPExchangeMachineTests.request()))
            machine.receive(.end)
        }
        var replies = 0
        while let action = machine.next() {
            switch action {
            case .answer: machine.answered(.forbidden, isStopping: false)
            case .write:
                replies += 1
                machine.written()
            default: break
            }
        }
        #expect(replies == 20_000)
    }
}

extension HTTPExchangeMachine.Action? {
    fileprivate static func == (left: HTTPExchangeMachine.Action?, right: _OptionalNilComparisonType) -> Bool {
        if case .none = left { true } else { false }
    }
}
