import NIOCore

@testable import Reprise

/// A frame as a client sends it, right or wrong: every field can be set to what RFC 6455 forbids.
struct ClientFrame {
    var first: UInt8
    var payload: [UInt8]
    /// `nil`: unmasked.
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    /// How many bytes encode the length: 0, 2 or 8; `nil`: the shortest.
    var lengthBytes: Int?
    /// The length in the header, when it is not the payload's.
    var length: UInt64?

    static func text(_ text: String, isFinal: Bool = true) -> Self {
        Self(first: isFinal ? 0b1000_0001 : 0b0000_0001, payload: Array(text.utf8))
    }

    static func binary(_ bytes: [UInt8]) -> Self { Self(first: 0b1000_0010, payload: bytes) }

    static func continuation(_ bytes: [UInt8], isFinal: Bool) -> Self {
        Self(first: isFinal ? 0b1000_0000 : 0b0000_0000, payload: bytes)
    }

    static func ping(_ payload: [UInt8] = []) -> Self { Self(first: 0b1000_1001, payload: payload) }

    static func pong(_ payload: [UInt8] = []) -> Self { Self(first: 0b1000_1010, payload: payload) }

    static func close(_ payload: [UInt8] = []) -> Self { Self(first: 0b1000_1000, payload: payload) }

    static func close(_ code: UInt16, _ reason: [UInt8] = []) -> Self {
        close([UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    var bytes: [UInt8] {
        let length = length ?? UInt64(payload.count)
        let lengthBytes = lengthBytes ?? (length < 126 ? 0 : length < 65536 ? 2 : 8)
        let short = lengthBytes == 0 ? UInt8(length) : lengthBytes == 2 ? 126 : 127
        var bytes = [first, short | (key == nil ? 0 : 0b1000_0000)]
        for index in (0..<lengthBytes).reversed() { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * index))) }
        guard let key else { return bytes + payload }
        return bytes + key + payload.enumerated().map { $1 ^ key[$0 % 4] }
    }
}

/// What a parser returned, with payloads as arrays so that runs with different buffers can be compared.
enum ParserOutcome: Equatable {
    case message(MessageOpcode, [UInt8])
    case ping([UInt8])
    case pong
    case close(CloseCode, String)
    case violation(CloseCode, String)

    static func text(_ text: String) -> Self { .message(.text, Array(text.utf8)) }

    /// The code of a violation; `nil` for anything else.
    var violationCode: CloseCode? {
        guard case .violation(let code, _) = self else { return nil }
        return code
    }
}

/// A parser with the buffers of a connection, and the checks that hold for every input.
struct ParserHarness {
    var parser: FrameParser
    var payloads = ByteBuffer()

    init(_ limits: FrameParser.Limits = FrameParser.Limits()) {
        parser = FrameParser(limits: limits)
        // Something is already there, as in the middle of a loop turn.
        payloads.writeStaticString("earlier")
    }

    /// Feeds one read from the socket and returns everything that it completed.
    ///
    /// Traps when the parser leaves input behind, writes payloads that it does not return, or goes on after an end.
    mutating func feed(_ bytes: some Sequence<UInt8>) -> [ParserOutcome] {
        var input = ByteBuffer(bytes: bytes)
        var outcomes: [ParserOutcome] = []
        var end = payloads.writerIndex
        while let inbound = parser.next(&input, into: &payloads) {
            switch inbound {
            case .message(let opcode, let range):
                precondition(range.lowerBound == end, "payload at \(range.lowerBound), expected at \(end)")
                end = range.upperBound
                outcomes.append(.message(opcode, payloads.getBytes(at: range.lowerBound, length: range.count) ?? []))
            case .ping(let payload): outcomes.append(.ping(Array(payload.readableBytesView)))
            case .pong: outcomes.append(.pong)
            case .close(let code, let reason): outcomes.append(.close(code, reason))
            case .violation(let code, let reason): outcomes.append(.violation(code, reason))
            }
            precondition(payloads.writerIndex == end, "payloads end at \(payloads.writerIndex), expected \(end)")
        }
        precondition(input.readableBytes == 0, "\(input.readableBytes) bytes of input were left")
        precondition(payloads.writerIndex == end, "payloads end at \(payloads.writerIndex), expected \(end)")
        return outcomes
    }
}

/// How a stream is cut into reads.
enum Feeding: CaseIterable {
    case whole
    case byteByByte

    func parse(_ bytes: [UInt8], _ limits: FrameParser.Limits = FrameParser.Limits()) -> [ParserOutcome] {
        var harness = ParserHarness(limits)
        switch self {
        case .whole: return harness.feed(bytes)
        case .byteByByte: return bytes.flatMap { harness.feed([$0]) }
        }
    }

    func parse(_ frames: [ClientFrame], _ limits: FrameParser.Limits = FrameParser.Limits()) -> [ParserOutcome] {
        parse(frames.flatMap(\.bytes), limits)
    }
}
