import Dispatch
import Testing

@testable import RepriseLoad

/// The instrument against servers that are wrong in one place. Serialised: each run has a thread of its own, and a
/// machine full of them would be found starved.
@Suite(.serialized) struct FaultTests {
    /// What a run against a server with this fault says. The faults come so early that a machine that is busy gets there.
    private func report(
        _ fault: FaultyServer.Fault, victim: Int = 5, _ change: (inout FanoutPlan) -> Void = { _ in }
    ) async throws -> FanoutReport {
        let server = try await FaultyServer(fault, victim: victim)
        var plan = FanoutPlan(url: server.url)
        plan.clients = 8
        plan.senders = 2
        plan.connectsInFlightMax = 1  // In order, so that the victim is known.
        plan.pace = .window(8)
        plan.seconds = 0.3
        plan.warmUpSeconds = 0
        plan.progressTimeoutSeconds = 3
        change(&plan)
        let result = await onThread { [plan] in
            Result { () throws(LoadError) in try FanoutBenchmark(plan: plan).run() }
        }
        try await server.stop()
        return try result.get()
    }

    /// A run occupies its thread, which must not be one of the cooperative pool's.
    private func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(returning: body()) }
        }
    }

    /// The failed rules that are about the server: on a busy machine the generator may be starved as well.
    private func faults(_ report: FanoutReport) -> [String] {
        report.failedRules.filter { !$0.contains("starved") && !$0.contains("intended time") }
    }

    @Test(arguments: [0, 0.1, 0.5], [1, 8])
    func `a healthy server is found healthy`(errorShare: Double, window: Int) async throws {
        let report = try await report(.none) {
            $0.errorShare = errorShare
            $0.pace = .window(window)
        }
        #expect(faults(report) == [])
        #expect(report.receivedDeliveries == report.expectedDeliveries)
        #expect(report.expectedDeliveries == 8 * report.messagesSent)
        #expect(report.errorsReceived == report.errorsExpected)
        // Each message is drawn on its own; how many there are is up to the machine.
        let count = Double(report.messagesSent + report.errorsExpected)
        let deviation = (errorShare * (1 - errorShare) / count).squareRoot()
        #expect(abs(Double(report.errorsExpected) / count - errorShare) <= 6 * deviation)
    }

    @Test func `senders stay while all others come and go`() async throws {
        let report = try await report(.none) {
            $0.senders = 4
            $0.errorShare = 0.3
            $0.churnPerSecond = 100
        }
        #expect(faults(report) == [])
        #expect(report.churnedClients > 0)
        #expect(report.errorsReceived == report.errorsExpected)
    }

    @Test func `an open loop with refused messages is found healthy`() async throws {
        let report = try await report(.none) {
            $0.errorShare = 0.2
            $0.pace = .rate(500)
        }
        #expect(faults(report) == [])
        #expect(report.errorsExpected > 0 && report.errorsReceived == report.errorsExpected)
    }

    @Test(
        arguments: [
            (.drop(3), "lost message"), (.duplicate(3), "twice"), (.swap(3), "out of order"),
            (.corrupt(3), "corrupted"),
        ] as [(FaultyServer.Fault, String)], [0, 0.3])
    func `one wrong delivery to one client is found and named`(
        fault: (FaultyServer.Fault, String), errorShare: Double
    ) async throws {
        let report = try await report(fault.0) {
            $0.senders = 1
            $0.errorShare = errorShare
        }
        #expect(report.verdict == .invalid)
        #expect(faults(report).contains { $0.hasPrefix("Client 5 ") && $0.contains(fault.1) }, "\(report.failedRules)")
    }

    @Test(
        arguments: [(.drop(3), "lost message"), (.duplicate(3), "twice"), (.corrupt(3), "corrupted")]
            as [(FaultyServer.Fault, String)])
    func `a sender's own stream is checked among its error frames`(fault: (FaultyServer.Fault, String)) async throws {
        let report = try await report(fault.0, victim: 0) { $0.errorShare = 0.5 }
        #expect(report.verdict == .invalid)
        #expect(faults(report).contains { $0.hasPrefix("Client 0 ") && $0.contains(fault.1) }, "\(report.failedRules)")
    }

    @Test func `two senders' messages in another order for one client are found`() async throws {
        let report = try await report(.swap(3))
        #expect(report.verdict == .invalid)
        #expect(faults(report).contains { $0.hasPrefix("Client 5 ") && $0.contains("order") }, "\(report.failedRules)")
    }

    @Test(
        arguments: [
            (.dropError(1), "lacks 1 error frames"), (.duplicateError(1), "same error frame twice"),
            (.strayError(1), "Client 5 received an error frame"),
        ] as [(FaultyServer.Fault, String)])
    func `a lost, repeated or misdirected error frame is found`(fault: (FaultyServer.Fault, String)) async throws {
        let report = try await report(fault.0) { $0.errorShare = 0.3 }
        #expect(report.verdict == .invalid)
        #expect(faults(report).contains { $0.contains(fault.1) }, "\(report.failedRules)")
    }

    @Test(
        arguments: [(.hangUp(3), "closed"), (.silence(3), "Nothing was received")] as [(FaultyServer.Fault, String)])
    func `a server that dies or falls silent is a run that is not valid`(
        fault: (FaultyServer.Fault, String)
    ) async throws {
        let report = try await report(fault.0) { $0.progressTimeoutSeconds = 0.3 }
        #expect(report.verdict == .invalid)
        #expect(faults(report).contains { $0.contains(fault.1) }, "\(report.failedRules)")
    }
}
