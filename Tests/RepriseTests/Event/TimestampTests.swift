import Reprise
import RepriseTesting
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000000Z"),
        (1_767_225_600_000_000_000, "2026-01-01T00:00:00.000000000Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"),
        (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999999Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (-2_203_977_600_000_000_000, "1900-02-28T00:00:00.000000000Z"),
        (2_147_483_647_000_000_000, "2038-01-19T03:14:07.000000000Z"),
    ])
    func `known moments have known texts`(nanoseconds: Int64, text: String) {
        #expect(Timestamp(rawValue: nanoseconds).iso8601() == text)
        #expect(Timestamp(iso8601: text)?.rawValue == nanoseconds)
    }

    @Test func `every moment is read back from its text`() {
        var random = SeededGenerator(seed: 12)
        var failures = 0
        for _ in 0..<20_000 {
            let range = Int64(-2_000_000_000) * 1_000_000_000..<9_000_000_000 * 1_000_000_000
            let time = Timestamp(rawValue: .random(in: range, using: &random))
            if Timestamp(iso8601: time.iso8601()) != time { failures += 1 }
        }
        #expect(failures == 0)
    }

    @Test func `fractions may be short, or missing`() {
        #expect(Timestamp(iso8601: "2026-01-01T00:00:00.5Z")?.rawValue == 1_767_225_600_500_000_000)
        #expect(Timestamp(iso8601: "2026-01-01T00:00:00Z")?.rawValue == 1_767_225_600_000_000_000)
        #expect(Timestamp(iso8601: "2026-01-01")?.rawValue == 1_767_225_600_000_000_000)
        #expect(Timestamp(rawValue: 1_999_999_999).iso8601(fractionDigits: 3) == "1970-01-01T00:00:01.999Z")
        #expect(Timestamp(rawValue: 1_999_999_999).iso8601(fractionDigits: 0) == "1970-01-01T00:00:01Z")
    }

    @Test(arguments: [
        "", "2026", "2026-13-01", "2026-02-29", "2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:00", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.1234567890Z", "2026-01-01 00:00:00Z",
        "2026-01-01T00:00:00+00:00", "9999-01-01T00:00:00Z", "2026-01-01T00:00:0xZ",
    ])
    func `anything else is no moment`(text: String) {
        #expect(Timestamp(iso8601: text) == nil)
    }

    @Test func `a year that nanoseconds cannot reach is no moment, and does not trap`() {
        for year in ["0000", "1111", "1677", "2262", "9999"] { #expect(Timestamp(iso8601: "\(year)-12-11") == nil) }
        for year in ["1678-01-01", "2261-12-31T23:59:59.999999999Z"] { #expect(Timestamp(iso8601: year) != nil) }
    }
}
