// What clients send in frames.

internal import NIOCore
internal import Reprise

extension FuzzTarget {
    /// The frame path. The first four bytes say which limits hold and how the stream is cut; the rest is the stream.
    static let frames = FuzzTarget(
        name: "frames",
        summary: "FrameParser against a plain reading of RFC 6455, however the bytes are cut; the encoder"
    ) { bytes in
        var bytes = bytes
        guard let flags = bytes.readInteger(as: UInt8.self), let size = bytes.readInteger(as: UInt8.self),
            let seed = bytes.readInteger(as: UInt16.self)
        else { return }
        let frameBytesMax = flags & 2 == 0 ? 1 + Int(size) : 65_536 + 256 * Int(size)
        let limits = FrameParser.Limits(
            frameBytesMax: frameBytesMax, messageBytesMax: flags & 4 == 0 ? frameBytesMax : 2 * frameBytesMax,
            allowsBinary: flags & 1 != 0)
        let stream = Array(bytes.readableBytesView)

        let expected = ReferenceFrames.read(stream, limits: limits)
        var random = SeededGenerator(seed: UInt64(seed))
        for longest in [stream.count, 1, 1 + Int(seed & 63)] {
            let found = parse(stream, limits, longest: max(1, longest), &random)
            try expect(found == expected, "reads of up to \(longest) B gave \(found), not \(expected)")
        }
        try checkEncoder(stream, frameBytesMax: 1 + Int(size))
    }

    private static func parse(
        _ stream: [UInt8], _ limits: FrameParser.Limits, longest: Int, _ random: inout SeededGenerator
    ) -> [ReferenceFrames.Seen] {
        var parser = FrameParser(limits: limits)
        var seen: [ReferenceFrames.Seen] = []
        var rest = stream[...]
        while !rest.isEmpty {
            let count = longest >= stream.count ? stream.count : Int.random(in: 1...longest, using: &random)
            var input = ByteBuffer(bytes: rest.prefix(count))
            rest = rest.dropFirst(count)
            var payloads = ByteBuffer()
            while let inbound = parser.next(&input, into: &payloads) {
                switch inbound {
                case .message(let opcode, let range):
                    let payload = payloads.getBytes(at: range.lowerBound, length: range.count) ?? []
                    seen.append(.message(opcode: opcode.rawValue, payload))
                case .ping(let payload): seen.append(.ping(Array(payload.readableBytesView)))
                case .pong: seen.append(.pong)
                case .close(let code, let reason): seen.append(.close(code.rawValue, reason: Array(reason.utf8)))
                case .violation(let code, _): seen.append(.violation(code.rawValue))
                }
            }
        }
        return seen
    }

    /// What the encoder writes, masked, is the same message again.
    private static func checkEncoder(_ payload: [UInt8], frameBytesMax: Int) throws(FuzzFinding) {
        var frames = ByteBuffer()
        FrameEncoder.append(
            .binary, payload: ByteBuffer(bytes: payload).readableBytesSpan, frameBytesMax: frameBytesMax, to: &frames)
        let expectedCount = FrameEncoder.encodedByteCount(
            payloadByteCount: payload.count, frameBytesMax: frameBytesMax)
        try expect(frames.readableBytes == expectedCount, "\(frames.readableBytes) B encoded, not \(expectedCount)")
        var masked: [UInt8] = []
        while let first = frames.readInteger(as: UInt8.self), let length = frames.readInteger(as: UInt8.self) {
            let extended = frames.readBytes(length: length == 127 ? 8 : length == 126 ? 2 : 0) ?? []
            let count = length < 126 ? Int(length) : extended.reduce(0) { $0 << 8 | Int($1) }
            masked += [first, length | 0x80] + extended + [0, 0, 0, 0] + (frames.readBytes(length: count) ?? [])
        }
        let limits = FrameParser.Limits(
            frameBytesMax: frameBytesMax, messageBytesMax: max(1, payload.count), allowsBinary: true)
        let found = ReferenceFrames.read(masked, limits: limits)
        try expect(found == [.message(opcode: 2, payload)], "encoded in frames of \(frameBytesMax) B: \(found)")
    }

    /// The validator of text, cut anywhere.
    static let utf8 = FuzzTarget(
        name: "utf8", summary: "UTF8Validator against the standard library, however the bytes are cut"
    ) { bytes in
        let text = Array(bytes.readableBytesView)
        let isValid = String(validating: text, as: UTF8.self) != nil
        for cut in Set([0, 1, text.count / 3, text.count / 2, max(0, text.count - 1)]) where cut <= text.count {
            var validator = UTF8Validator()
            let first = validator.consume(ByteBuffer(bytes: text.prefix(cut)).readableBytesSpan)
            try expect(
                first == ReferenceFrames.isBeginningOfText(Array(text.prefix(cut))), "first \(cut) B: \(first)")
            guard first else { continue }
            let second = validator.consume(ByteBuffer(bytes: text.dropFirst(cut)).readableBytesSpan)
            try expect((second && validator.isComplete) == isValid, "cut at \(cut): \(second), whole text: \(isValid)")
        }
    }
}
