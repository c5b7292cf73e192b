import Testing

@testable import Reprise
@testable import RepriseServer

@Suite struct TokenSourceTests {
    /// Spec section 9, case 19.
    @Test func `a million connection ids are all different`() {
        let tokens = TokenSource(.host)
        var ids: Set<ConnectionID> = []
        for _ in 0..<1_000_000 { ids.insert(tokens.connectionID()) }
        #expect(ids.count == 1_000_000)
    }

    @Test func `the same machine gives the same tokens`() {
        func tokens() -> [String] {
            let machine = Machine(
                clock: { Timestamp(rawValue: 0) }, random: { 7 }, bootID: "", name: "", batchesSends: false,
                socketOwner: { _, _ in .unknown })
            var tokens = TokenSource(machine)
            return ["\(tokens.connectionID())", "\(tokens.requestID())", "\(tokens.messageID())", tokens.uuid()]
        }
        #expect(tokens() == tokens())
    }
}
