// XXH64, the 64-bit hash of the xxHash family (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md). It protects
// against accidents, not against forgers: chain hashes and digests find a changed bit, they do not sign anything.
//
// This file is one of the few hot paths with `unsafe` loads: the bounds are checked once per call by `precondition`
// free arithmetic (every load is at an offset below `bytes.byteCount`), not once per word.

/// XXH64 over spans of bytes.
public enum XXH64 {
    private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
    private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
    private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
    private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
    private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

    /// The hash of `bytes`.
    public static func hash(_ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.byteCount
        var offset = 0
        var accumulator: UInt64
        if count >= 32 {
            var lanes = Lanes(seed: seed)
            while count &- offset >= 32 {
                lanes.consume(
                    word(bytes, offset), word(bytes, offset &+ 8), word(bytes, offset &+ 16), word(bytes, offset &+ 24))
                offset &+= 32
            }
            accumulator = lanes.merged
        } else {
            accumulator = seed &+ prime5
        }
        accumulator &+= UInt64(count)
        return finish(accumulator, bytes, from: offset)
    }

    /// The hash of `prefix` as 8 little-endian bytes followed by `bytes`, without putting them side by side.
    public static func hash(prefix: UInt64, _ bytes: RawSpan, seed: UInt64 = 0) -> UInt64 {
        let count = bytes.byteCount + 8
        var accumulator: UInt64
        guard count >= 32 else {
            accumulator = round8(seed &+ prime5 &+ UInt64(count), prefix)
            return finish(accumulator, bytes, from: 0)
        }
        var lanes = Lanes(seed: seed)
        lanes.consume(prefix, word(bytes, 0), word(bytes, 8), word(bytes, 16))
        var offset = 24
        while bytes.byteCount &- offset >= 32 {
            lanes.consume(
                word(bytes, offset), word(bytes, offset &+ 8), word(bytes, offset &+ 16), word(bytes, offset &+ 24))
            offset &+= 32
        }
        accumulator = lanes.merged &+ UInt64(count)
        return finish(accumulator, bytes, from: offset)
    }

    /// The hash of five words and a byte as 41 bytes, little-endian: `words`, `tail`, `last`.
    static func hash(_ words: (UInt64, UInt64, UInt64, UInt64), _ tail: UInt64, _ last: UInt8) -> UInt64 {
        var lanes = Lanes(seed: 0)
        lanes.consume(words.0, words.1, words.2, words.3)
        let accumulator = round8(lanes.merged &+ 41, tail)
        return avalanche(round1(accumulator, last))
    }

    /// The hash of two words as 16 little-endian bytes.
    public static func hash(_ words: (UInt64, UInt64), seed: UInt64 = 0) -> UInt64 {
        avalanche(round8(round8(seed &+ prime5 &+ 16, words.0), words.1))
    }

    private struct Lanes {
        var first, second, third, fourth: UInt64

        init(seed: UInt64) {
            first = seed &+ prime1 &+ prime2
            second = seed &+ prime2
            third = seed
            fourth = seed &- prime1
        }

        @inline(__always)
        mutating func consume(_ one: UInt64, _ two: UInt64, _ three: UInt64, _ four: UInt64) {
            first = round(first, one)
            second = round(second, two)
            third = round(third, three)
            fourth = round(fourth, four)
        }

        @inline(__always)
        var merged: UInt64 {
            var result = rotate(first, 1) &+ rotate(second, 7) &+ rotate(third, 12) &+ rotate(fourth, 18)
            result = merge(result, first)
            result = merge(result, second)
            result = merge(result, third)
            return merge(result, fourth)
        }
    }

    @inline(__always)
    private static func word(_ bytes: RawSpan, _ offset: Int) -> UInt64 {
        unsafe UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
    }

    @inline(__always)
    private static func rotate(_ value: UInt64, _ bits: UInt64) -> UInt64 { value << bits | value >> (64 - bits) }

    @inline(__always)
    private static func round(_ accumulator: UInt64, _ input: UInt64) -> UInt64 {
        rotate(accumulator &+ input &* prime2, 31) &* prime1
    }

    @inline(__always)
    private static func merge(_ accumulator: UInt64, _ lane: UInt64) -> UInt64 {
        (accumulator ^ round(0, lane)) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func round8(_ accumulator: UInt64, _ input: UInt64) -> UInt64 {
        rotate(accumulator ^ round(0, input), 27) &* prime1 &+ prime4
    }

    @inline(__always)
    private static func round1(_ accumulator: UInt64, _ input: UInt8) -> UInt64 {
        rotate(accumulator ^ (UInt64(input) &* prime5), 11) &* prime1
    }

    private static func finish(_ start: UInt64, _ bytes: RawSpan, from startOffset: Int) -> UInt64 {
        var accumulator = start
        var offset = startOffset
        let count = bytes.byteCount
        while count &- offset >= 8 {
            accumulator = round8(accumulator, word(bytes, offset))
            offset &+= 8
        }
        if count &- offset >= 4 {
            let half = unsafe UInt32(
                littleEndian: bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
            accumulator = rotate(accumulator ^ (UInt64(half) &* prime1), 23) &* prime2 &+ prime3
            offset &+= 4
        }
        while offset < count {
            let byte = unsafe bytes.unsafeLoad(fromUncheckedByteOffset: offset, as: UInt8.self)
            accumulator = round1(accumulator, byte)
            offset &+= 1
        }
        return avalanche(accumulator)
    }

    @inline(__always)
    private static func avalanche(_ value: UInt64) -> UInt64 {
        var mixed = value
        mixed = (mixed ^ (mixed >> 33)) &* prime2
        mixed = (mixed ^ (mixed >> 29)) &* prime3
        return mixed ^ (mixed >> 32)
    }
}
