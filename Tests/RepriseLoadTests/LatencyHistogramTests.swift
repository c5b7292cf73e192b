import Testing

@testable import RepriseLoad

@Suite struct LatencyHistogramTests {
    @Test func `every value lies in its bucket, within 0.8 percent of the bucket's end`() {
        var value = 0
        while value < 1 << 60 {
            let index = LatencyHistogram.index(of: value)
            let upper = LatencyHistogram.upperBound(of: index)
            #expect(upper >= value)
            #expect(Double(upper - value) <= Double(value) * 0.008)
            #expect(LatencyHistogram.index(of: upper) == index)
            #expect(LatencyHistogram.index(of: upper + 1) == index + 1)
            value += max(1, value / 97)
        }
        #expect(LatencyHistogram.index(of: .max) < (64 - 7 + 1) * 128)
    }

    @Test func `percentiles of a thousand known durations`() {
        var histogram = LatencyHistogram()
        for value in (1...1000).reversed() { histogram.record(value * 1000) }
        for (percent, expected) in [(50.0, 500_000), (90, 900_000), (99, 990_000), (99.9, 999_000), (100, 1_000_000)] {
            let found = histogram.percentile(percent)
            #expect(found >= expected && Double(found) <= Double(expected) * 1.008)
        }
        #expect(histogram.max == 1_000_000)
        #expect(histogram.count == 1000)
        #expect(abs(histogram.mean - 500_500) < 1)
    }

    @Test func `a sample can stand for many`() {
        var histogram = LatencyHistogram()
        histogram.record(10, times: 99)
        histogram.record(20)
        #expect(histogram.percentile(99) == 10)
        #expect(histogram.percentile(99.5) == 20)
    }

    @Test func `nothing recorded is zero, and a negative duration counts as zero`() {
        var histogram = LatencyHistogram()
        #expect(histogram.percentile(50) == 0)
        #expect(histogram.mean == 0)
        histogram.record(-5)
        #expect(histogram.percentile(100) == 0)
        #expect(histogram.count == 1)
    }
}
