import NIOCore
import Testing

@testable import Reprise

/// Seeded random streams. A failure prints its seed; that seed gives the same stream again.
@Suite struct `Frame parser: fuzz` {
    /// SplitMix64 (Steele, Lea, Flood 2014): small, and the same on every machine.
    struct SplitMix64: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }

        mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
    }

    /// Frames that mostly follow the rules, so that streams live long enough to get somewhere.
    private func randomStream(_ random: inout SplitMix64) -> [UInt8] {
        let scalars: [Unicode.Scalar] = ["a", "\"", "\u{7F}", "é", "€", "😀", "\u{10FFFF}"]
        var bytes: [UInt8] = []
        var isFragmented = false
        for _ in 0..<Int.random(in: 1...12, using: &random) {
            let count =
                random.chance(15) ? Int.random(in: 100...400, using: &random) : Int.random(in: 0...12, using: &random)
            var text = ""
            let isASCII = random.chance(50)
            for _ in 0..<count {
                text.unicodeScalars.append(isASCII ? "x" : scalars.randomElement(using: &random) ?? "x")
            }
            var frame = ClientFrame.text(text)
            if random.chance(30) {
                let control: [UInt8] = [0x89, 0x8A, 0x89, 0x8A, 0x88]
                frame = ClientFrame(
                    first: control.randomElement(using: &random) ?? 0x89, payload: Array(text.utf8.prefix(125)))
                if frame.first == 0x88, random.chance(80) { frame.payload = [0x03, 0xE8] + frame.payload.prefix(123) }
            } else {
                let isFinal = random.chance(60)
                let opcode: UInt8 = isFragmented ? 0 : random.chance(70) ? 1 : 2
                frame.first = (isFinal ? 0x80 : 0) | opcode
                isFragmented = !isFinal
            }
            frame.key = (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
            if random.chance(2) { frame.key = nil }
            if random.chance(2) { frame.first ^= 1 << UInt8.random(in: 0...7, using: &random) }
            if random.chance(2) { frame.lengthBytes = 8 }
            if random.chance(2) { frame.length = random.next() >> UInt64.random(in: 0...63, using: &random) }
            if let length = frame.length, length >= 126, frame.lengthBytes == 0 { frame.lengthBytes = 8 }
            if random.chance(3), !frame.payload.isEmpty {
                frame.payload[Int.random(in: frame.payload.indices, using: &random)] = UInt8.random(
                    in: 0...255, using: &random)
            }
            bytes += frame.bytes
        }
        return bytes
    }

    /// Whole, byte by byte, and in random reads: the same outcomes.
    private func compareFeedings(_ bytes: [UInt8], seed: UInt64, _ random: inout SplitMix64) -> [ParserOutcome] {
        let limits = FrameParser.Limits(
            frameBytesMax: random.chance(50) ? 300 : 5000, messageBytesMax: random.chance(50) ? 600 : 5000,
            allowsBinary: random.chance(80))
        let whole = Feeding.whole.parse(bytes, limits)
        #expect(Feeding.byteByByte.parse(bytes, limits) == whole, "seed \(seed)")
        var harness = ParserHarness(limits)
        var outcomes: [ParserOutcome] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = min(rest.count, Int.random(in: 1...40, using: &random))
            outcomes += harness.feed(rest.prefix(count))
            rest = rest.dropFirst(count)
        }
        #expect(outcomes == whole, "seed \(seed)")
        return whole
    }

    @Test func `random streams give the same however they are cut`() {
        var kinds: [String: Int] = [:]
        for seed in UInt64(0)..<600 {
            var random = SplitMix64(state: seed)
            let bytes = randomStream(&random)
            for outcome in compareFeedings(bytes, seed: seed, &random) {
                switch outcome {
                case .message: kinds["message", default: 0] += 1
                case .ping: kinds["ping", default: 0] += 1
                case .pong: kinds["pong", default: 0] += 1
                case .close: kinds["close", default: 0] += 1
                case .violation(let code, _): kinds["\(code.rawValue)", default: 0] += 1
                }
            }
        }
        // The generator must reach every kind of outcome, or it tests less than it says.
        for kind in ["message", "ping", "pong", "close", "1002", "1003", "1007", "1009"] {
            #expect(kinds[kind, default: 0] >= 20, "\(kind): \(kinds)")
        }
    }

    @Test func `random bytes never trap and give the same however they are cut`() {
        for seed in UInt64(0)..<1000 {
            var random = SplitMix64(state: ~seed)
            var bytes = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            // A plausible start takes half of them past the first two bytes.
            if random.chance(50), bytes.count > 2 {
                bytes[0] = [0x81, 0x82, 0x01, 0x88, 0x89].randomElement(using: &random) ?? 0x81
                bytes[1] |= 0x80
            }
            _ = compareFeedings(bytes, seed: ~seed, &random)
        }
    }

    @Test func `what the encoder writes, masked, the parser reads`() {
        for seed in UInt64(0)..<150 {
            var random = SplitMix64(state: seed)
            let frameBytesMax = Int.random(in: 1...300, using: &random)
            let limits = FrameParser.Limits(frameBytesMax: frameBytesMax, allowsBinary: true)
            var bytes: [UInt8] = []
            var expected: [ParserOutcome] = []
            for _ in 0..<Int.random(in: 1...5, using: &random) {
                let text = String(repeating: "é€", count: Int.random(in: 0...150, using: &random))
                let opcode: MessageOpcode = random.chance(50) ? .text : .binary
                var frames = ByteBuffer()
                FrameEncoder.append(
                    opcode, payload: ByteBuffer(bytes: text.utf8).readableBytesSpan, frameBytesMax: frameBytesMax,
                    to: &frames)
                for frame in ServerFrame.decode(frames) {
                    let key = (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
                    bytes += ClientFrame(first: frame.first, payload: frame.payload, key: key).bytes
                }
                expected.append(.message(opcode, Array(text.utf8)))
            }
            #expect(Feeding.whole.parse(bytes, limits) == expected, "seed \(seed)")
            #expect(Feeding.byteByByte.parse(bytes, limits) == expected, "seed \(seed)")
        }
    }
}
