import NIOCore
import Testing

@testable import Reprise

@Suite struct `UTF-8 validation` {
    /// Offers bytes one by one; the index of the first one refused, or `nil`.
    private func refusal(of bytes: [UInt8]) -> (index: Int?, isComplete: Bool) {
        var validator = UTF8Validator()
        for (index, byte) in bytes.enumerated() where !validator.consume(ByteBuffer(bytes: [byte]).readableBytesSpan) {
            return (index, validator.isComplete)
        }
        return (nil, validator.isComplete)
    }

    /// Whether a text that arrives in these pieces is accepted, whole and complete.
    private func accepts(_ pieces: [UInt8]...) -> Bool {
        var validator = UTF8Validator()
        return pieces.allSatisfy { validator.consume(ByteBuffer(bytes: $0).readableBytesSpan) } && validator.isComplete
    }

    @Test func `every Unicode scalar is accepted`() {
        var bytes: [UInt8] = []
        for value in UInt32(0)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            bytes.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
        }
        #expect(accepts(bytes))
    }

    @Test(
        arguments: [
            ([0xC0, 0xAF], 0), ([0xC1, 0xBF], 0), ([0xF5], 0), ([0xFF], 0), ([0x80], 0), ([0xE0, 0x9F], 1),
            ([0xF0, 0x8F], 1), ([0xED, 0xA0], 1), ([0xED, 0xBF], 1), ([0xF4, 0x90], 1), ([0xC3, 0x41], 1),
            ([0xE2, 0x82, 0x41], 2), ([0xF0, 0x9F, 0x98, 0xC3], 3), ([0x41, 0x42, 0xC3, 0xA4, 0x80], 4),
        ] as [([UInt8], Int)])
    func `overlong forms, surrogates and values above U+10FFFF are refused at their first wrong byte`(
        bytes: [UInt8], index: Int
    ) {
        let (refused, isComplete) = refusal(of: bytes)
        #expect(refused == index)
        #expect(!isComplete)
        #expect(!accepts(bytes))
    }

    /// The standard library judges whole texts; a prefix can go on if some tail makes it valid.
    @Test func `boundary bytes in all combinations agree with the standard library`() {
        let edges: [UInt8] = [
            0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC, 0xED, 0xEE, 0xEF,
            0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
        ]
        let tails: [[UInt8]] = [[], [0x80], [0x80, 0x80], [0xA0, 0x80], [0x80, 0x80, 0x80], [0x90, 0x80, 0x80]]
        func isValid(_ bytes: [UInt8]) -> Bool { String(validating: bytes, as: UTF8.self) != nil }

        var prefixes: [[UInt8]] = [[]]
        while let prefix = prefixes.popLast() {
            for byte in edges {
                let bytes = prefix + [byte]
                let canGoOn = tails.contains { isValid(bytes + $0) }
                let (refused, isComplete) = refusal(of: bytes)
                if (refused == nil) != canGoOn || isComplete != isValid(bytes) || accepts(bytes) != isValid(bytes) {
                    Issue.record("\(bytes): refused at \(String(describing: refused)), complete \(isComplete)")
                }
                if canGoOn, bytes.count < 4 { prefixes.append(bytes) }
            }
        }
    }

    @Test func `a wrong byte is found at every place of a long text`() {
        for count in 1...40 {
            for index in 0..<count {
                var bytes = [UInt8](repeating: 0x61, count: count)
                bytes[index] = 0xFF
                #expect(!accepts(bytes), "\(count) bytes, wrong at \(index)")
                bytes[index] = 0x7F
                #expect(accepts(bytes), "\(count) bytes")
            }
        }
    }

    @Test func `cutting a text anywhere changes nothing`() {
        let text = Array("aé€😀 κόσμε — twelve plain letters, then 中文字符 and 👩‍👩‍👧‍👦".utf8)
        for first in 0...text.count {
            for second in first...text.count {
                #expect(accepts(Array(text[..<first]), Array(text[first..<second]), Array(text[second...])))
            }
        }
    }

    @Test func `refused text stays refused`() {
        var validator = UTF8Validator()
        for piece in [[0xFF], Array("fine".utf8), []] as [[UInt8]] {
            let isValid = validator.consume(ByteBuffer(bytes: piece).readableBytesSpan)
            #expect(!isValid)
            #expect(!validator.isComplete)
        }
    }

    @Test func `the state is three bytes`() {
        #expect(MemoryLayout<UTF8Validator>.size == 3)
    }
}
