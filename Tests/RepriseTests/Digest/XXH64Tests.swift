import RepriseTesting
import Testing

@testable import Reprise

@Suite struct XXH64Tests {
    private func hash(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 { unsafe XXH64.hash(bytes.span.bytes, seed: seed) }

    /// The buffer that xxHash's own sanity check hashes (`cli/xsum_sanity_check.c`).
    private static let sanityBuffer: [UInt8] = {
        var generator: UInt64 = 2_654_435_761
        return (0..<2367).map { _ in
            let byte = UInt8(truncatingIfNeeded: generator >> 56)
            generator = generator &* 11_400_714_785_074_694_797
            return byte
        }
    }()

    @Test(
        arguments: [
            (0, 0, 0xEF46_DB37_51D8_E999), (0, 2_654_435_761, 0xAC75_FDA2_929B_17EF),
            (1, 0, 0xE934_A84A_DB05_2768), (1, 2_654_435_761, 0x5014_6076_43A9_B4C3),
            (4, 0, 0x9136_A0DC_A574_57EE), (4, 2_654_435_761, 0xCAAB_286B_D8E9_FDB5),
            (14, 0, 0x8282_DCC4_994E_35C8), (14, 2_654_435_761, 0xC3BD_6BF6_3DEB_6DF0),
            (222, 0, 0xB641_AE8C_B691_C174), (222, 2_654_435_761, 0x20CB_8AB7_AE10_C14A),
        ] as [(Int, UInt64, UInt64)])
    func `the vectors of the xxHash repository hold`(count: Int, seed: UInt64, expected: UInt64) {
        #expect(hash(Array(XXH64Tests.sanityBuffer.prefix(count)), seed: seed) == expected)
    }

    @Test(
        arguments: [
            ("", 0xEF46_DB37_51D8_E999), ("a", 0xD24E_C4F1_A98C_6E5B), ("abc", 0x44BC_2CF5_AD77_0999),
            ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
            ("abcdefghijklmnopqrstuvwxyz0123456789", 0x64F2_3ECF_1609_B766),
            (String(repeating: "xxhash", count: 20), 0x63FA_976A_EBA9_E0CB),
        ] as [(String, UInt64)])
    func `known texts have known hashes`(text: String, expected: UInt64) {
        #expect(hash(Array(text.utf8)) == expected)
    }

    /// Made with `xxhash` 4.1.0 of PyPI: `xxh64(bytes((i * 7 + 3) & 255 for i in range(n)))`.
    @Test(
        arguments: [
            (0, 0xEF46_DB37_51D8_E999), (1, 0x1F25_C8D0_BC1F_4BB6), (4, 0x9BB6_4B7D_66EE_9FDA),
            (8, 0xDAB9_9D95_C6F9_0092), (14, 0xC7F1_D4D0_ACFA_5A14), (31, 0xA2AA_5F33_CC4A_6119),
            (32, 0x23C3_C17E_F790_FD97), (33, 0x50A7_CFC7_BA58_8784), (63, 0x5E3E_54B4_31C7_493C),
            (64, 0x0EB6_4B3E_F6EE_B01F), (65, 0xA383_B724_B2BD_12F1), (100, 0xA61F_8D4C_170F_E531),
            (101, 0xBAD4_D3BF_033B_DA4C),
        ] as [(Int, UInt64)])
    func `lengths around the block size agree with the reference`(count: Int, expected: UInt64) {
        #expect(hash((0..<count).map { UInt8(($0 * 7 + 3) & 255) }) == expected)
    }

    @Test func `a prefix hashes as if it stood before the bytes`() {
        var random = SeededGenerator(seed: 5)
        for count in 0...100 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let prefix = random.next() as UInt64
            let seed = random.next() as UInt64
            let joined = (0..<8).map { UInt8(truncatingIfNeeded: prefix >> UInt64(8 * $0)) } + bytes
            let found = unsafe XXH64.hash(prefix: prefix, bytes.span.bytes, seed: seed)
            #expect(found == hash(joined, seed: seed), "\(count) bytes")
        }
    }

    @Test func `two words hash as their sixteen bytes`() {
        var random = SeededGenerator(seed: 6)
        for _ in 0..<100 {
            let words = (random.next() as UInt64, random.next() as UInt64)
            let bytes = [words.0, words.1].flatMap { word in
                (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
            }
            #expect(XXH64.hash(words, seed: 9) == hash(bytes, seed: 9))
        }
    }

    @Test func `five words and a byte hash like the 41 bytes that they are`() {
        let words: [UInt64] = [1, .max, 0x0123_4567_89AB_CDEF, 0, 0xFEDC_BA98_7654_3210]
        let bytes = words.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) } }
        let expected = hash(bytes + [0xA7])
        #expect(XXH64.hash((words[0], words[1], words[2], words[3]), words[4], 0xA7) == expected)
    }
}
