import NIOCore
import Testing

@testable import Reprise

/// A stream with everything a well-behaved client does, ending in a Close.
private let session: [ClientFrame] = [
    .text("{\"action\":\"onMessage\",\"data\":\"hello\"}"), .ping(Array("ping".utf8)), .text(""), .text("κόσμε 😀"),
    .text("frag", isFinal: false), .pong(), .continuation(Array("men".utf8), isFinal: false), .ping([0xFF]),
    .continuation(Array("ted".utf8), isFinal: true), .binary([0, 1, 2, 255]),
    .text(String(repeating: "long ", count: 60)), .close(1000, Array("done".utf8)),
]
private let sessionLimits = FrameParser.Limits(allowsBinary: true)
private let sessionOutcomes: [ParserOutcome] = [
    .text("{\"action\":\"onMessage\",\"data\":\"hello\"}"), .ping(Array("ping".utf8)), .text(""), .text("κόσμε 😀"),
    .pong,
    .ping([0xFF]), .text("fragmented"), .message(.binary, [0, 1, 2, 255]), .text(String(repeating: "long ", count: 60)),
    .close(.normal, "done"),
]

@Suite struct `Frame parser: streams` {
    @Test(arguments: Feeding.allCases)
    func `many frames in one stream`(feeding: Feeding) {
        #expect(feeding.parse(session, sessionLimits) == sessionOutcomes)
    }

    @Test func `cutting the stream in two anywhere changes nothing`() {
        let bytes = session.flatMap(\.bytes)
        for cut in 0...bytes.count {
            var harness = ParserHarness(sessionLimits)
            let outcomes = harness.feed(bytes[..<cut]) + harness.feed(bytes[cut...])
            #expect(outcomes == sessionOutcomes, "cut at \(cut)")
        }
    }

    @Test func `truncated at any offset, a stream yields exactly the frames that are whole`() {
        let bytes = session.flatMap(\.bytes)
        // Where each outcome is due: after its frame, a message's after its last.
        var due: [Int] = []
        var offset = 0
        for frame in session {
            offset += frame.bytes.count
            if frame.first & 0b1000_0000 != 0 { due.append(offset) }
        }
        #expect(due.count == sessionOutcomes.count)
        for end in 0...bytes.count {
            var harness = ParserHarness(sessionLimits)
            let whole = due.count { $0 <= end }
            #expect(harness.feed(bytes[..<end]) == Array(sessionOutcomes[..<whole]), "truncated at \(end)")
        }
    }

    @Test func `a thousand messages in one buffer come out in order and side by side`() {
        let texts = (0..<1000).map { "message \($0)" }
        var input = ByteBuffer(bytes: texts.flatMap { ClientFrame.text($0).bytes })
        var parser = FrameParser()
        var payloads = ByteBuffer()
        for text in texts {
            let start = payloads.writerIndex
            #expect(parser.next(&input, into: &payloads) == .message(.text, start..<start + text.utf8.count))
        }
        #expect(parser.next(&input, into: &payloads) == nil)
        #expect(String(buffer: payloads) == texts.joined())
    }

    @Test func `any masking key and any cut give the payload back`() {
        let payload = (0..<37).map { UInt8($0) }
        for key: [UInt8] in [[0, 0, 0, 0], [255, 255, 255, 255], [1, 2, 3, 4], [0, 0x80, 0, 0x7F]] {
            var frame = ClientFrame.binary(payload)
            frame.key = key
            let bytes = frame.bytes
            for first in 0...bytes.count {
                for second in first...bytes.count {
                    var harness = ParserHarness(sessionLimits)
                    let outcomes =
                        harness.feed(bytes[..<first]) + harness.feed(bytes[first..<second])
                        + harness.feed(bytes[second...])
                    #expect(outcomes == [.message(.binary, payload)])
                }
            }
        }
    }

    @Test func `an input slice that starts in the middle of its storage`() {
        var storage = ByteBuffer(bytes: [9, 9, 9] + ClientFrame.text("slice").bytes + [9])
        storage.moveReaderIndex(forwardBy: 3)
        var input = storage.readSlice(length: 11) ?? ByteBuffer()
        var parser = FrameParser()
        // The same storage as the input: writing must not touch what is still to be read.
        var payloads = storage
        let start = payloads.writerIndex
        #expect(parser.next(&input, into: &payloads) == .message(.text, start..<start + 5))
        #expect(payloads.getString(at: start, length: 5) == "slice")
    }
}

@Suite struct `Frame parser: memory` {
    @Test func `a parser is 64 bytes or less`() {
        #expect(MemoryLayout<FrameParser>.size <= 64)
        #expect(MemoryLayout<FrameParser>.stride <= 64)
    }

    @Test func `an idle parser holds no storage`() {
        var harness = ParserHarness()
        #expect(harness.parser.heapByteCount == 0)
        let steps: [[ClientFrame]] = [
            [.text("whole")], [.text("frag", isFinal: false), .ping([1, 2]), .continuation([], isFinal: true)],
            [.ping([UInt8](repeating: 7, count: 125))], [.pong([1, 2, 3])], [.text("")],
        ]
        for frames in steps {
            for byte in frames.flatMap(\.bytes) { _ = harness.feed([byte]) }
            #expect(harness.parser.heapByteCount == 0)
        }
        // Half a header is kept inline.
        _ = harness.feed(ClientFrame.text(String(repeating: "x", count: 200)).bytes[..<7])
        #expect(harness.parser.heapByteCount == 0)
        _ = harness.feed([0])
        #expect(harness.parser.heapByteCount == 0)
        _ = harness.feed([0x41])
        #expect(harness.parser.heapByteCount > 0)
    }

    @Test func `a header that promises much reserves nothing`() {
        var harness = ParserHarness()
        let frame = ClientFrame(first: 0b1000_0001, payload: [0x41], length: 32768)
        #expect(harness.feed(frame.bytes).isEmpty)
        #expect(1...64 ~= harness.parser.heapByteCount)
    }

    @Test func `a violation or a Close releases what was kept`() {
        for end in [ClientFrame.close(1000), .text("new message")] {
            var harness = ParserHarness()
            _ = harness.feed(ClientFrame.text(String(repeating: "x", count: 1000), isFinal: false).bytes)
            #expect(harness.parser.heapByteCount >= 1000)
            _ = harness.feed(end.bytes)
            #expect(harness.parser.isFinished)
            #expect(harness.parser.heapByteCount == 0)
        }
    }

    @Test func `a ping's payload does not share the memory of the message around it`() {
        var parser = FrameParser()
        var payloads = ByteBuffer()
        let frames: [ClientFrame] = [.text(String(repeating: "x", count: 5000), isFinal: false), .ping([1, 2, 3])]
        var input = ByteBuffer(bytes: frames.flatMap(\.bytes))
        guard case .ping(let payload) = parser.next(&input, into: &payloads) else {
            Issue.record("no ping")
            return
        }
        #expect(payload.storageCapacity <= 64)
    }
}
