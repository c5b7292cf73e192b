// SipHash-2-4 with 128 bits of output: a keyed pseudorandom function for short texts. Whoever has no key can neither
// compute nor invert it, which XXH64 with a seed does not promise. It makes the pseudonyms of `Redaction`.

/// SipHash-2-4-128.
///
/// - SeeAlso: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012); https://github.com/veorq/SipHash for the
///   128-bit variant and the vectors that the tests check.
public enum SipHash {
    /// A secret of 128 bits.
    public struct Key: Hashable, Sendable {
        /// Bytes 0 to 7, little-endian.
        public var first: UInt64
        /// Bytes 8 to 15, little-endian.
        public var second: UInt64

        /// Makes a key.
        public init(_ first: UInt64, _ second: UInt64) {
            self.first = first
            self.second = second
        }

        /// Reads exactly 32 hex digits.
        public init?(hex text: some StringProtocol) {
            let digits = String(text)
            guard digits.utf8.count == 32,
                digits.utf8.allSatisfy({ UInt8(ascii: "+") != $0 && UInt8(ascii: "-") != $0 }),
                let first = UInt64(digits.prefix(16), radix: 16), let second = UInt64(digits.suffix(16), radix: 16)
            else { return nil }
            self.init(first, second)
        }
    }

    /// The hash of `bytes`, as bytes 0 to 7 and 8 to 15, each little-endian.
    public static func hash(_ bytes: some Collection<UInt8>, key: Key) -> (UInt64, UInt64) {
        var state = State(key)
        var word: UInt64 = 0
        var count = 0
        for byte in bytes {
            word |= UInt64(byte) << UInt64(8 * (count % 8))
            count += 1
            if count % 8 == 0 {
                state.absorb(word)
                word = 0
            }
        }
        state.absorb(word | UInt64(count & 0xFF) << 56)
        return state.finish()
    }

    private struct State {
        private var v0: UInt64
        private var v1: UInt64
        private var v2: UInt64
        private var v3: UInt64

        init(_ key: Key) {
            v0 = key.first ^ 0x736F_6D65_7073_6575
            v1 = key.second ^ 0x646F_7261_6E64_6F6D ^ 0xEE
            v2 = key.first ^ 0x6C79_6765_6E65_7261
            v3 = key.second ^ 0x7465_6462_7974_6573
        }

        mutating func absorb(_ word: UInt64) {
            v3 ^= word
            rounds(2)
            v0 ^= word
        }

        mutating func finish() -> (UInt64, UInt64) {
            v2 ^= 0xEE
            rounds(4)
            let first = v0 ^ v1 ^ v2 ^ v3
            v1 ^= 0xDD
            rounds(4)
            return (first, v0 ^ v1 ^ v2 ^ v3)
        }

        private mutating func rounds(_ count: Int) {
            for _ in 0..<count {
                v0 &+= v1
                v1 = rotated(v1, 13) ^ v0
                v0 = rotated(v0, 32)
                v2 &+= v3
                v3 = rotated(v3, 16) ^ v2
                v0 &+= v3
                v3 = rotated(v3, 21) ^ v0
                v2 &+= v1
                v1 = rotated(v1, 17) ^ v2
                v2 = rotated(v2, 32)
            }
        }

        private func rotated(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }
    }
}
