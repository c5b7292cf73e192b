import Testing

@testable import RepriseLoad

@Suite struct ErrorLedgerTests {
    private func answer(_ request: String, connection: String = "a", message: String = "Bad request body")
        -> ErrorAnswer?
    {
        let text = [UInt8](
            #"{"message": "\#(message)", "connectionId":"\#(connection)", "requestId":"\#(request)"}"#.utf8)
        return ErrorAnswer(text.span)
    }

    @Test(arguments: [0, 0.1, 0.25, 0.9], [1, 2, 3] as [UInt64])
    func `refused messages are spread evenly`(share: Double, seed: UInt64) {
        let ledger = ErrorLedger(share: share, senders: 1, seed: seed)
        for start in [0, 7, 1000] {
            let count = (start..<(start + 100)).filter { ledger.isRefused($0) }.count
            #expect(abs(Double(count) - 100 * share) <= 1)
        }
    }

    @Test func `the text of an error frame is read exactly`() {
        #expect(answer("r1")?.requestID == "r1")
        #expect(answer("r1")?.connectionID == "a")
        #expect(answer("r1")?.message == "Bad request body")
        for text in [
            #"{"message": "x"}"#, #""0-1-abc""#, "", #"{"message": "a", "connectionId":"b", "requestId":"c"} "#,
        ] {
            #expect(ErrorAnswer([UInt8](text.utf8).span) == nil)
        }
    }

    @Test func `each sender gets one answer for each of its messages, and nothing else`() throws {
        var ledger = ErrorLedger(share: 0.5, senders: 2, seed: 1)
        #expect((0..<4).map { _ in ledger.send() } == [0, 1, 0, 1])
        let first = try #require(answer("r1"))
        #expect(ledger.receive(first, client: 0) == nil)
        #expect(ledger.receive(first, client: 0) == .repeated)
        #expect(ledger.receive(try #require(answer("r2", connection: "b")), client: 0) == .foreign)
        #expect(ledger.receive(try #require(answer("r2")), client: 1) == .foreign)
        #expect(
            ledger.receive(try #require(answer("r2", message: "Forbidden")), client: 0) == .otherReason("Forbidden"))
        #expect(ledger.receive(try #require(answer("r2")), client: 0) == nil)
        #expect(ledger.receive(try #require(answer("r3")), client: 0) == .unexpected("Bad request body"))
        #expect(
            ledger.receive(try #require(answer("r3", connection: "c")), client: 7) == .unexpected("Bad request body"))
        #expect(ledger.received == 2 && ledger.outstanding == 2)
        #expect(ledger.missing.map(\.sender) == [1] && ledger.missing.map(\.count) == [2])
    }
}
