import Reprise
import Testing

@testable import RepriseServer

@Suite struct HTTPDateTests {
    @Test(arguments: [
        ("1994-11-06T08:49:37Z", "Sun, 06 Nov 1994 08:49:37 GMT"),  // the RFC's own
        ("1970-01-01T00:00:00Z", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("2026-11-24T23:59:59.999Z", "Tue, 24 Nov 2026 23:59:59 GMT"),
        ("2024-02-29T12:00:00Z", "Thu, 29 Feb 2024 12:00:00 GMT"),
    ])
    func `a moment is written as RFC 9110 has it`(moment: String, date: String) throws {
        #expect(try #require(Timestamp(iso8601: moment)).httpDate == date)
    }
}
