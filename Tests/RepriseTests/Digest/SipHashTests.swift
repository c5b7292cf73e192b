import Testing

@testable import Reprise

@Suite struct SipHashTests {
    private let key = SipHash.Key(0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)

    /// `vectors_sip128` of the reference implementation: the inputs are 0, 1, 2, … of each length.
    @Test(
        arguments: [
            (0, 0xE6A8_25BA_047F_81A3, 0x9302_55C7_1472_F66D), (1, 0x44AF_996B_D8C1_87DA, 0x45FC_229B_1159_7634),
        ] as [(UInt8, UInt64, UInt64)])
    func `the published vectors come out`(count: UInt8, first: UInt64, second: UInt64) {
        let hash = SipHash.hash(0..<count, key: key)
        #expect(hash == (first, second))
    }

    @Test func `every length and every bit of the key matters`() {
        var seen: Set<UInt64> = []
        for count in 0..<64 as Range<UInt8> { seen.insert(SipHash.hash(0..<count, key: key).0) }
        for bit in 0..<64 as Range<UInt64> {
            seen.insert(SipHash.hash(0..<7, key: SipHash.Key(key.first ^ 1 << bit, key.second)).0)
            seen.insert(SipHash.hash(0..<7, key: SipHash.Key(key.first, key.second ^ 1 << bit)).1)
        }
        #expect(seen.count == 64 + 2 * 64)
    }

    @Test func `a key is 32 hex digits`() {
        #expect(
            SipHash.Key(hex: "00112233445566778899AAbbccddeeff") == .init(0x0011_2233_4455_6677, 0x8899_AABB_CCDD_EEFF))
        for text in ["", "0011", "00112233445566778899aabbccddeefg", "+0112233445566778899aabbccddeeff"] {
            #expect(SipHash.Key(hex: text) == nil)
        }
    }
}
