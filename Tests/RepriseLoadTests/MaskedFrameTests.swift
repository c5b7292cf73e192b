import Testing

@testable import RepriseLoad

@Suite struct MaskedFrameTests {
    private func frame(_ payload: [UInt8], key: UInt32, opcode: UInt8 = MaskedFrame.Opcode.text) -> [UInt8] {
        var bytes: [UInt8] = []
        MaskedFrame.append(opcode: opcode, key: key, payloadBytes: payload.count, to: &bytes) { $0 += payload }
        return bytes
    }

    @Test func `the masked Hello of RFC 6455 comes out byte for byte`() {
        let expected: [UInt8] = [
            0b1000_0001, 0b1000_0101, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ]
        #expect(frame([UInt8]("Hello".utf8), key: 0x3d21_fa37) == expected)
    }

    @Test(arguments: [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10), (70_000, 10)])
    func `the length takes the shortest form and the payload is masked throughout`(count: Int, head: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        let bytes = frame(payload, key: 0x0403_0201)
        #expect(bytes.count == head + 4 + count)
        #expect(bytes[1] & 0x80 != 0)
        #expect(Array(bytes[head..<(head + 4)]) == [1, 2, 3, 4])
        let unmasked = bytes[(head + 4)...].enumerated().map { $1 ^ UInt8($0 & 3 + 1) }
        #expect(unmasked == payload)
    }

    @Test func `frames follow each other without a gap`() {
        var bytes: [UInt8] = []
        MaskedFrame.appendClose(code: 1000, key: 0, to: &bytes)
        MaskedFrame.appendClose(code: 1001, key: 0, to: &bytes)
        #expect(bytes == [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE8, 0x88, 0x82, 0, 0, 0, 0, 0x03, 0xE9])
    }
}

@Suite struct ServerFrameTests {
    private func read(_ bytes: [UInt8]) -> ServerFrame.Reading {
        ServerFrame.read(bytes.span)
    }

    @Test(
        arguments: [
            ([0x81, 0x05], ServerFrame(opcode: 1, headBytes: 2, payloadBytes: 5)),
            ([0x82, 126, 0x01, 0x00], ServerFrame(opcode: 2, headBytes: 4, payloadBytes: 256)),
            ([0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0], ServerFrame(opcode: 1, headBytes: 10, payloadBytes: 65_536)),
            ([0x89, 0x00], ServerFrame(opcode: 9, headBytes: 2, payloadBytes: 0)),
        ] as [([UInt8], ServerFrame)])
    func `a head is read once it is whole, and not before`(bytes: [UInt8], frame: ServerFrame) {
        #expect(read(bytes) == .head(frame))
        for count in 0..<bytes.count { #expect(read(Array(bytes[..<count])) == .incomplete) }
    }

    @Test(
        arguments: [
            [0xC1, 0x05], [0x81, 0x85], [0x01, 0x05], [0x80, 0x05], [0x83, 0x00],
            [0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]])
    func `reserved bits, masks, fragments, unknown opcodes and absurd lengths are refused`(bytes: [UInt8]) {
        guard case .refused = read(bytes) else {
            Issue.record("\(bytes) was not refused")
            return
        }
    }
}
