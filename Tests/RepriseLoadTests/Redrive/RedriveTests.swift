import Dispatch
import Testing

@testable import RepriseLoad

/// Re-driving against servers that are wrong in one place: the place is named.
@Suite(.serialized) struct RedriveTests {
    private static let clients = 6
    private static let victim = 3

    /// Six clients, of whom three send in turns (and one of them several at a time), a refused message, and one who comes
    /// late. Position = 100 + the broadcast's number for broadcasts; times are a millisecond apart.
    private static func script(isAltered: Bool = false) -> RedriveScript {
        var script = RedriveScript()
        var time = 0
        var clients: [Int] = []
        func tick() -> Int {
            time += 1_000_000
            return time
        }
        for client in 0..<Self.clients {
            clients.append(script.open("client-\(client)", at: UInt64(client), time: tick()))
        }
        for number in 0..<40 {
            let sender = clients[number % 7 < 4 ? 0 : number % 3]
            let position = UInt64(100 + number)
            let data = "\"n\(number)\""
            let delivery = script.expect(
                Array((isAltered && number == 17 ? "\"other\"" : data).utf8), for: .everyone, isText: true, at: position
            )
            script.send(
                Array("{\"action\":\"onMessage\",\"data\":\(data)}".utf8), isText: true, on: sender, at: position,
                time: tick(), delivery: delivery)
            if number == 20 { clients.append(script.open("late", at: 50, time: tick())) }
            if number == 30 { script.end(clients[5], .close(code: 1000, reason: "enough"), at: 60, time: tick()) }
            if number == 35 { script.end(clients[4], .drop, at: 61, time: tick()) }
        }
        for index in [0, 1, 2, 3, 6] {
            script.end(clients[index], .close(code: nil, reason: ""), at: 200, time: tick())
        }
        return script
    }

    private func report(
        _ fault: FaultyServer.Fault, speed: Double? = nil, script: RedriveScript = Self.script()
    ) async throws -> RedriveReport {
        let server = try await FaultyServer(fault, victim: Self.victim)
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(
                    returning: Result { () throws(LoadError) in
                        var run = try RedriveRun(script, url: server.url, speed: speed, patienceSeconds: 1)
                        return try run.run()
                    })
            }
        }
        try await server.stop()
        return try result.get()
    }

    @Test(arguments: [nil, 1, 10, 1000] as [Double?])
    func `a healthy server agrees at every speed`(speed: Double?) async throws {
        let report = try await report(.none, speed: speed)
        #expect(report.difference == nil)
        #expect(report.stepsDone == report.steps)
        #expect(report.deliveriesCompared == 40 * 4 + 31 + 36 + 19)
        #expect((report.timing == nil) == (speed == nil))
        if let speed { #expect(report.seconds >= Double(Self.script().duration) / 1e9 / speed * 0.9) }
    }

    @Test(
        arguments: [
            (.drop(9), 109, "position 110"), (.duplicate(9), 110, "position 109 once more"),
            (.swap(9), 109, "position 110"), (.corrupt(9), 109, "something else"),
            (.duplicate(39), 139, "not in the recording"),
            (.drop(39), 139, "nothing came"), (.swap(38), 138, "position 139"),
        ] as [(FaultyServer.Fault, UInt64, String)], [nil, 20] as [Double?])
    func `a wrong delivery is found at its position`(
        fault: (FaultyServer.Fault, UInt64, String), speed: Double?
    ) async throws {
        let report = try await report(fault.0, speed: speed)
        let difference = try #require(report.difference)
        #expect(difference.connectionId == "client-3")
        #expect(difference.reason.contains(fault.2), "\(difference)")
        // What comes in the place of a message that its own sender has not followed up is noticed as soon as it comes.
        #expect(difference.position == fault.1 || difference.position == fault.1 - 1, "\(difference)")
    }

    @Test func `a server that hangs up, or falls silent, differs where it does`() async throws {
        let hangUp = try #require(try await report(.hangUp(12)).difference)
        #expect(hangUp.position == 112 && hangUp.reason.contains("ended the connection"), "\(hangUp)")
        let silence = try #require(try await report(.silence(12)).difference)
        #expect(silence.position == 112 && silence.reason.contains("nothing came"), "\(silence)")
        #expect(silence.received == nil && silence.expected?.body == "\"n12\"")
    }

    @Test func `a payload that differs is shown with both sides`() async throws {
        let difference = try #require(try await report(.none, script: Self.script(isAltered: true)).difference)
        #expect(difference.position == 117)
        #expect(difference.expected?.body == "\"other\"" && difference.received?.body == "\"n17\"")
    }

    @Test func `an error frame carries the ids of this run`() async throws {
        // The server of these tests names its clients itself, and tells them nothing: any id of the same length will do.
        var script = RedriveScript()
        let only = script.open("only", at: 1, time: 0)
        let payload = Array(#"{"message": "Bad request body", "connectionId":"client-7", "requestId":"r-5"}"#.utf8)
        let delivery = script.expect(payload, for: .connection(only), isText: true, at: 2)
        script.send(Array("no".utf8), isText: true, on: only, at: 2, time: 0, delivery: delivery)
        script.end(only, .close(code: 1000, reason: ""), at: 3, time: 0)
        #expect(try await report(.none, script: script).difference?.position == 2)
    }

    @Test func `nobody there, and no server's URL, are errors`() {
        #expect(throws: LoadError.self) {
            var run = try RedriveRun(Self.script(), url: "ws://127.0.0.1:1/", speed: nil)
            _ = try run.run()
        }
        #expect(throws: LoadError.self) { _ = try RedriveRun(Self.script(), url: "http://x", speed: nil).next }
        #expect(throws: LoadError.self) { _ = try RedriveRun(Self.script(), url: "ws://127.0.0.1/", speed: 0).next }
    }

    @Test func `a call to a connection whose id is unknown says so`() async throws {
        var script = RedriveScript()
        let only = script.open("only", at: 1, time: 0)
        script.end(only, .delete, at: 2, time: 0)
        let error = await #expect(throws: LoadError.self) { try await report(.none, script: script) }
        #expect(error?.description.contains(RedriveRun.idField) == true)
    }
}
