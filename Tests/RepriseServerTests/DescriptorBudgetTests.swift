import Testing

@testable import RepriseServer

@Suite struct DescriptorBudgetTests {
    private static func budget(limit: Int, connections: Int, pending: Int, loops: Int = 1) -> (Int, Int) {
        var configuration = ServerConfiguration()
        configuration.connectionsMax = connections
        configuration.pendingSocketsMax = pending
        configuration.loopCount = loops
        let budget = DescriptorBudget(limit: limit, own: 40, for: configuration)
        return (budget.connectionsMax, budget.pendingSocketsMax)
    }

    @Test(arguments: [24_136, 1_000_000, .max])
    func `where there is room for all, everything stays`(limit: Int) {
        #expect(Self.budget(limit: limit, connections: 20_000, pending: 4096) == (20_000, 4096))
    }

    @Test func `what is missing is taken from the other sockets, and where these are few from the connections`() {
        #expect(Self.budget(limit: 24_135, connections: 20_000, pending: 4096) == (20_000, 4095))
        #expect(Self.budget(limit: 1024, connections: 20_000, pending: 4096) == (861, 123))
        #expect(Self.budget(limit: 1024, connections: 20_000, pending: 4096, loops: 4) == (864, 30))
        #expect(Self.budget(limit: 240, connections: 20_000, pending: 4096) == (150, 50))
        #expect(Self.budget(limit: 1024, connections: 100, pending: 4096) == (100, 884))
        #expect(Self.budget(limit: 1024, connections: 20_000, pending: 16) == (968, 16))
    }

    @Test(arguments: [0, 40, 41, 64, 100, 255, 1024, 4096, 20_000], [1, 2, 16])
    func `it is never more than there is, as long as there is one for each`(limit: Int, loops: Int) {
        let (connections, pending) = Self.budget(limit: limit, connections: 20_000, pending: 4096, loops: loops)
        #expect(connections >= 1 && pending >= 1)
        #expect(40 + connections + loops * pending <= max(limit, 40 + 1 + loops))
    }
}
