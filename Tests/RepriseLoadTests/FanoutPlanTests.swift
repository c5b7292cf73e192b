import Testing

@testable import RepriseLoad

@Suite struct FanoutPlanTests {
    private func plan(_ change: (inout FanoutPlan) -> Void) -> FanoutPlan {
        var plan = FanoutPlan(url: "ws://127.0.0.1:1/")
        change(&plan)
        return plan
    }

    @Test func `the default plan holds`() throws {
        try plan { _ in }.check()
    }

    @Test(
        arguments: [
            { $0.clients = 0 }, { $0.senders = 0 }, { $0.senders = 1001 }, { $0.stalledClients = 1000 },
            { $0.payloadBytes = 23 }, { $0.seconds = 0 }, { $0.pace = .window(0) }, { $0.pace = .rate(0) },
            { $0.churnPerSecond = -1 }, { $0.referenceBytesMax = 100_000 },
            {
                $0.senders = 10
                $0.clients = 10
                $0.churnPerSecond = 1
            },
        ] as [@Sendable (inout FanoutPlan) -> Void])
    func `a plan that contradicts itself is refused`(change: @Sendable (inout FanoutPlan) -> Void) {
        #expect(throws: LoadError.self) { try plan(change).check() }
    }

    @Test(arguments: [1, 64, 4096], [24, 64, 16_384])
    func `the reference holds twice what a window can have in flight`(window: Int, payload: Int) {
        let plan = plan {
            $0.pace = .window(window)
            $0.payloadBytes = payload
        }
        #expect(plan.referenceBytes >= 2 * window * (payload + 4))
        #expect(plan.referenceBytes.nonzeroBitCount == 1)
    }

    @Test func `a run against nobody says that the connect was refused`() throws {
        var plan = plan { $0.clients = 3 }
        plan.url = "ws://127.0.0.1:1/"
        #expect(throws: LoadError.self) { try FanoutBenchmark(plan: plan).run() }
    }
}
