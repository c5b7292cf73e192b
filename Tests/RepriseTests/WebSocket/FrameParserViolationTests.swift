import NIOCore
import Testing

@testable import Reprise

/// Each rule's violation is the only outcome, whatever the cutting, and later input is discarded.
private func expectViolation(
    _ code: CloseCode, _ frames: [ClientFrame], after earlier: [ParserOutcome] = [],
    _ limits: FrameParser.Limits = FrameParser.Limits(), sourceLocation: SourceLocation = #_sourceLocation
) {
    var all: [[ParserOutcome]] = []
    for feeding in Feeding.allCases {
        let outcomes = feeding.parse(frames + [.text("later"), .ping()], limits)
        #expect(outcomes.dropLast() == earlier[...], sourceLocation: sourceLocation)
        #expect(outcomes.last?.violationCode == code, sourceLocation: sourceLocation)
        all.append(outcomes)
    }
    #expect(all.first == all.last, sourceLocation: sourceLocation)
}

@Suite struct `Frame parser: what is refused` {
    @Test func `an unmasked frame is a protocol violation`() {
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_0001, payload: [0x41], key: nil)])
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_1001, payload: [], key: nil)])
        let long = [UInt8](repeating: 0x41, count: 300)
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_0001, payload: long, key: nil)])
    }

    @Test(arguments: [0b0100_0000, 0b0010_0000, 0b0001_0000, 0b0111_0000] as [UInt8])
    func `a reserved bit is a protocol violation`(bits: UInt8) {
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_0001 | bits, payload: [0x41])])
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_1001 | bits, payload: [])])
    }

    @Test(arguments: [3, 4, 5, 6, 7, 11, 12, 13, 14, 15] as [UInt8])
    func `an unknown opcode is a protocol violation`(opcode: UInt8) {
        expectViolation(
            .protocolError, [.text("a"), ClientFrame(first: 0x80 | opcode, payload: [])], after: [.text("a")])
        expectViolation(.protocolError, [ClientFrame(first: opcode, payload: [0x41])])
    }

    @Test(arguments: [8, 9, 10] as [UInt8])
    func `a fragmented control frame is a protocol violation`(opcode: UInt8) {
        expectViolation(.protocolError, [ClientFrame(first: opcode, payload: [])])
    }

    @Test(arguments: [8, 9, 10] as [UInt8])
    func `a control frame above 125 bytes is a protocol violation`(opcode: UInt8) {
        let payload = [0x03, 0xE8] + [UInt8](repeating: 0x2A, count: 124)
        expectViolation(.protocolError, [ClientFrame(first: 0x80 | opcode, payload: payload)])
        expectViolation(.protocolError, [ClientFrame(first: 0x80 | opcode, payload: [0x03, 0xE8], lengthBytes: 2)])
    }

    @Test func `a continuation without a start is a protocol violation`() {
        expectViolation(.protocolError, [.continuation([0x41], isFinal: true)])
        expectViolation(.protocolError, [.continuation([], isFinal: false)])
        let frames: [ClientFrame] = [.text("a", isFinal: false), .continuation([], isFinal: true)]
        expectViolation(.protocolError, frames + [.continuation([], isFinal: true)], after: [.text("a")])
    }

    @Test func `a new message inside a fragmented one is a protocol violation`() {
        expectViolation(.protocolError, [.text("a", isFinal: false), .text("b")])
        expectViolation(.protocolError, [.text("a", isFinal: false), .text("b", isFinal: false)])
        expectViolation(.protocolError, [.text("a", isFinal: false), .binary([1])])
        let limits = FrameParser.Limits(allowsBinary: true)
        expectViolation(
            .protocolError, [.text("a", isFinal: false), .ping(), .binary([1])], after: [.ping([])], limits)
    }

    @Test(arguments: [(0, 2), (125, 2), (0, 8), (125, 8), (126, 8), (65535, 8)])
    func `a length that is not in its shortest form is a protocol violation`(count: Int, lengthBytes: Int) {
        let limits = FrameParser.Limits(frameBytesMax: 100_000)
        let payload = [UInt8](repeating: 0x41, count: count)
        let frame = ClientFrame(first: 0b1000_0001, payload: payload, lengthBytes: lengthBytes)
        expectViolation(.protocolError, [frame], limits)
    }

    @Test(arguments: [1 << 63, UInt64.max])
    func `a 64-bit length with the top bit set is a protocol violation`(length: UInt64) {
        expectViolation(.protocolError, [ClientFrame(first: 0b1000_0001, payload: [], lengthBytes: 8, length: length)])
    }

    @Test(arguments: [32769, 65536, 1 << 32, 1 << 62, UInt64.max >> 1])
    func `a frame above its limit is too big`(length: UInt64) {
        expectViolation(.messageTooBig, [ClientFrame(first: 0b1000_0001, payload: [], length: length)])
        let start = ClientFrame.text("a", isFinal: false)
        expectViolation(.messageTooBig, [start, ClientFrame(first: 0b1000_0000, payload: [], length: length)])
    }

    @Test func `fragments above the message limit are too big`() {
        let limits = FrameParser.Limits(frameBytesMax: 10, messageBytesMax: 20)
        let ten = [UInt8](repeating: 0x41, count: 10)
        let start = ClientFrame(first: 0b0000_0001, payload: ten)
        expectViolation(
            .messageTooBig, [start, .continuation(ten, isFinal: false), .continuation([0x41], isFinal: true)], limits)
        expectViolation(
            .messageTooBig, [.text("123456789")], FrameParser.Limits(frameBytesMax: 10, messageBytesMax: 8))
        // Control frames do not count.
        expectViolation(
            .messageTooBig, [start, .ping(ten + ten), .continuation(ten + [0x41], isFinal: true)],
            after: [.ping(ten + ten)], limits)
    }

    @Test func `binary is unsupported unless allowed`() {
        expectViolation(.unsupportedData, [.binary([1, 2, 3])])
        expectViolation(.unsupportedData, [ClientFrame(first: 0b0000_0010, payload: [])])
    }

    @Test(arguments: Feeding.allCases)
    func `size and binary carry the reasons of AWS`(feeding: Feeding) {
        #expect(
            feeding.parse([.text(String(repeating: "x", count: 32769))])
                == [.violation(.messageTooBig, "Message too big")])
        #expect(feeding.parse([.binary([])]) == [.violation(.unsupportedData, "Binary is not supported")])
    }

    @Test(
        arguments: [
            [0xFF], [0xC3], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xC0, 0x80], [0xE2, 0x82],
            [0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0xF0, 0x9F],
        ] as [[UInt8]])
    func `text that is not UTF-8 is an invalid payload`(payload: [UInt8]) {
        expectViolation(
            .invalidPayload, [.text("ok"), ClientFrame(first: 0b1000_0001, payload: payload)], after: [.text("ok")])
        let fragments = [ClientFrame(first: 0b0000_0001, payload: payload), .continuation([], isFinal: true)]
        expectViolation(.invalidPayload, fragments)
        expectViolation(.invalidPayload, [.close(1000, payload)])
    }

    @Test func `a Close payload of one byte is a protocol violation`() {
        expectViolation(.protocolError, [.close([0x03])])
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535] as [UInt16])
    func `a Close with an invalid code is a protocol violation`(code: UInt16) {
        expectViolation(.protocolError, [.close(code)])
        expectViolation(.protocolError, [.text("open", isFinal: false), .close(code, Array("why".utf8))])
    }
}

@Suite struct `Frame parser: how early it refuses` {
    /// Feeds bytes one by one; the index of the one that brought the violation.
    private func indexOfViolation(_ bytes: [UInt8]) -> Int? {
        var harness = ParserHarness()
        return bytes.firstIndex { harness.feed([$0]).last?.violationCode != nil }
    }

    @Test func `kind, mask and control length are refused at their own byte`() {
        #expect(indexOfViolation(ClientFrame(first: 0b1100_0001, payload: [0x41]).bytes) == 0)
        #expect(indexOfViolation(ClientFrame(first: 0b1000_0011, payload: [0x41]).bytes) == 0)
        #expect(indexOfViolation(ClientFrame.binary([1]).bytes) == 0)
        #expect(indexOfViolation(ClientFrame.continuation([], isFinal: true).bytes) == 0)
        #expect(indexOfViolation(ClientFrame(first: 0b1000_0001, payload: [0x41], key: nil).bytes) == 1)
        #expect(indexOfViolation(ClientFrame(first: 0b1000_1001, payload: [], length: 126).bytes) == 1)
    }

    @Test func `size is refused before the masking key`() {
        #expect(indexOfViolation(ClientFrame(first: 0b1000_0001, payload: [], length: 32769).bytes) == 3)
        #expect(indexOfViolation(ClientFrame(first: 0b1000_0001, payload: [], length: 65536).bytes) == 9)
    }

    @Test func `bad text is refused at its byte in the middle of a frame`() {
        // Autobahn 6.4.3 and 6.4.4: κόσμε, then U+110000, then "edited".
        let payload: [UInt8] =
            Array("κόσμε".utf8) + [0xF4, 0x90, 0x80, 0x80] + Array("edited".utf8)
        let bad = Array("κόσμε".utf8).count + 1
        #expect(indexOfViolation(ClientFrame(first: 0b1000_0001, payload: payload).bytes) == 6 + bad)

        // And with more than one byte per read: the read that holds the byte brings the violation.
        let bytes = ClientFrame(first: 0b0000_0001, payload: payload).bytes
        var harness = ParserHarness()
        #expect(harness.feed(bytes[..<(6 + bad)]).isEmpty)
        #expect(harness.feed(bytes[(6 + bad)..<(8 + bad)]).map(\.violationCode) == [.invalidPayload])
        #expect(harness.parser.isFinished)
    }
}
