import NIOCore
import Testing

@testable import RepriseTLS

@Suite struct TLSRecordFrameTests {
    private static func record(_ length: Int) -> [UInt8] {
        [0x17, 3, 3, UInt8(length >> 8), UInt8(length & 0xFF)] + [UInt8](repeating: 0x17, count: length)
    }

    @Test func `a record counts from its head to its last byte, wherever the stream is cut`() {
        let lengths = [1, 0, 300, 16_640, 2]
        let stream = lengths.flatMap(TLSRecordFrameTests.record)
        // Where a record begins, and where it ends.
        var expected: [Int] = []
        for length in lengths {
            expected += [Int](repeating: 0, count: 4)
            expected += [Int](repeating: length + 5, count: length) + [0]
        }
        for step in [1, 3, 5, 7, 100, 4096] {
            var frame = TLSRecordFrame()
            for start in stride(from: 0, to: stream.count, by: step) {
                let end = min(start + step, stream.count)
                frame.note(ByteBuffer(bytes: stream[start..<end]))
                #expect(frame.keptBytes == expected[end - 1], "step \(step), byte \(end)")
            }
        }
    }
}
