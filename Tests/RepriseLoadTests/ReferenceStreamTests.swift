import Testing

@testable import RepriseLoad

@Suite struct ReferenceStreamTests {
    private func bytes(_ range: Range<Int>) -> [UInt8] {
        range.map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 5) }
    }

    @Test func `what was appended matches at every offset, also across the ring's edge`() {
        var stream = ReferenceStream(capacity: 64)
        var end = 0
        for count in [10, 50, 3, 64, 0, 1, 33, 31] {
            stream.append(bytes(end..<(end + count)).span)
            end += count
            let (kept, start) = (stream.end, stream.start)
            #expect(kept == end)
            #expect(start == max(0, end - 64))
            for offset in stream.start...end {
                let isEqual = stream.matches(bytes(offset..<end).span, at: offset)
                #expect(isEqual)
            }
        }
    }

    @Test func `one changed byte is found where it is`() {
        var stream = ReferenceStream(capacity: 64)
        stream.append(bytes(0..<40).span)
        stream.append(bytes(40..<90).span)
        for changed in 30..<90 {
            var theirs = bytes(30..<90)
            theirs[changed - 30] ^= 1
            let isEqual = stream.matches(theirs.span, at: 30)
            let same = stream.matchingCount(theirs.span, at: 30)
            #expect(!isEqual)
            #expect(same == changed - 30)
        }
    }

    @Test func `comparing stops where the stream ends`() {
        var stream = ReferenceStream(capacity: 16)
        stream.append([1, 2, 3].span)
        let same = stream.matchingCount([2, 3, 4, 5].span, at: 1)
        #expect(same == 2)
    }

    @Test func `a stretch is copied as it was appended`() {
        var stream = ReferenceStream(capacity: 16)
        stream.append(bytes(0..<16).span)
        stream.append(bytes(16..<25).span)
        let (stretch, nothing) = (stream.copy(9..<25), stream.copy(12..<12))
        #expect(stretch == bytes(9..<25))
        #expect(nothing.isEmpty)
    }

    @Test func `comparing what is not kept any more traps`() async {
        await #expect(processExitsWith: .failure) {
            var stream = ReferenceStream(capacity: 16)
            stream.append([UInt8](repeating: 0, count: 16).span)
            stream.append([1, 2].span)
            _ = stream.matches([0].span, at: 1)
        }
    }
}
