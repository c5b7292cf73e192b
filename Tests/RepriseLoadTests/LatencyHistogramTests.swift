import Testing

@testable import RepriseLoad

@Suite struct LatencyHistogramTests {
    @Test func `percentiles of a thousand known durations are right to three digits`() {
        var histogram = LatencyHistogram()
        for value in (1...1000).reversed() { histogram.record(value * 1000) }
        for (percent, expected) in [(50.0, 500_000), (90, 900_000), (99, 990_000), (99.9, 999_000), (100, 1_000_000)] {
            let found = histogram.percentile(percent)
            #expect(found >= expected && Double(found) <= Double(expected) * 1.001)
        }
        #expect(histogram.max == 1_000_000)
        #expect(histogram.count == 1000)
        #expect(abs(histogram.mean - 500_500) < 500)
    }

    @Test func `a sample can stand for many`() {
        var histogram = LatencyHistogram()
        histogram.record(10, times: 99)
        histogram.record(20)
        #expect(histogram.percentile(99) == 10)
        #expect(histogram.percentile(99.5) == 20)
    }

    @Test func `nothing recorded is zero, a negative duration counts as zero, a day as an hour`() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(50) == 0)
        #expect(histogram.mean == 0)
        histogram.record(-5)
        #expect(histogram.percentile(100) == 0)
        #expect(histogram.count == 1)
        histogram.record(86_400_000_000_000)
        #expect(histogram.max == 3_600_000_000_000)
    }
}
