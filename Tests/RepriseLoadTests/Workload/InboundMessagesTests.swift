import Testing

@testable import RepriseLoad

@Suite struct InboundMessagesTests {
    private static let text: [UInt8] = Array("hello, everyone".utf8)
    private static let long = [UInt8](repeating: 7, count: 70_000)

    /// A text frame, a message in three fragments with a ping between them, a long binary one, a pong, an empty one.
    private static let stream: [UInt8] = {
        var bytes: [UInt8] = [0x81, 15] + text
        bytes += [0x01, 5] + text[..<5] + [0x89, 2, 1, 2] + [0x00, 0] + [0x80, 10] + text[5...]
        bytes += [0x82, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70] + long
        return bytes + [0x8A, 0] + [0x82, 0]
    }()

    private static func expected(keepsPayloads: Bool) -> [InboundMessages.Piece] {
        func message(_ payload: [UInt8], isText: Bool) -> InboundMessages.Piece {
            .message(
                .init(
                    isText: isText, fingerprint: RecordedWorkload.fingerprint(of: payload),
                    payload: keepsPayloads ? payload : []))
        }
        return [
            message(text, isText: true), .ping([1, 2]), message(text, isText: true), message(long, isText: false),
            message([], isText: false),
        ]
    }

    private func pieces(of bytes: [UInt8], by step: Int, keepsPayloads: Bool = false) -> [InboundMessages.Piece] {
        var inbound = InboundMessages(keepsPayloads: keepsPayloads)
        var pieces: [InboundMessages.Piece] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            let part = Array(bytes[start..<min(start + step, bytes.count)])
            inbound.take(part.span) { pieces.append($0) }
        }
        return pieces
    }

    @Test(arguments: [1, 2, 3, 1000, 1 << 20], [false, true])
    func `messages are joined from fragments, however the stream is cut`(step: Int, keepsPayloads: Bool) {
        let found = pieces(of: Self.stream, by: step, keepsPayloads: keepsPayloads)
        #expect(found == Self.expected(keepsPayloads: keepsPayloads))
    }

    @Test func `messages with other bytes have other fingerprints`() {
        #expect(pieces(of: [0x81, 1, 0x61], by: 9) != pieces(of: [0x81, 1, 0x62], by: 9))
    }

    @Test(arguments: [[0x81, 0x81], [0xC1, 0], [0x80, 0], [0x83, 0], [0x01, 0, 0x81, 0]] as [[UInt8]])
    func `what no server may send is refused`(bytes: [UInt8]) {
        guard case .refused? = pieces(of: bytes, by: 9).last else {
            Issue.record("\(bytes) was taken")
            return
        }
    }

    @Test func `a Close is reported`() {
        #expect(pieces(of: [0x88, 2, 3, 0xE8], by: 1) == [.close([3, 0xE8])])
    }
}
