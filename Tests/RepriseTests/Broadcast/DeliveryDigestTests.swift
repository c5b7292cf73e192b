import NIOCore
import Testing

@testable import Reprise

@Suite struct `The delivery digest` {
    private let payload = ByteBuffer(string: "{\"hello\":\"world\"}")

    private func digest(
        _ deliveries: [(position: UInt64, count: Int, recipients: UInt64, opcode: MessageOpcode, text: String)]
    ) -> DeliveryDigest {
        var digest = DeliveryDigest()
        for delivery in deliveries {
            let payload = ByteBuffer(string: delivery.text)
            digest.add(
                at: Position(delivery.position), count: delivery.count, recipients: delivery.recipients,
                opcode: delivery.opcode, payload: payload.readableBytesSpan)
        }
        return digest
    }

    @Test func `it is 0 before the first delivery`() {
        #expect(DeliveryDigest().value == 0)
        #expect(DeliveryDigest().deliveries == 0)
    }

    @Test func `it hashes 41 bytes, little-endian, in the order of the definition`() {
        var expected: UInt64 = 0
        for position in [3, 4] as [UInt64] {
            var bytes = ByteBuffer()
            for word in [expected, position, 2, 0xFFEE_DDCC_BBAA_9988] as [UInt64] {
                bytes.writeInteger(word, endianness: .little)
            }
            bytes.writeInteger(1 as UInt8)
            bytes.writeInteger(XXH64.hash(payload.readableBytesSpan), endianness: .little)
            #expect(bytes.readableBytes == 41)
            expected = XXH64.hash(bytes.readableBytesSpan)
        }
        let text = String(buffer: payload)
        let found = digest([
            (3, 2, 0xFFEE_DDCC_BBAA_9988, .text, text), (4, 2, 0xFFEE_DDCC_BBAA_9988, .text, text),
        ])
        #expect(found == DeliveryDigest(value: expected, deliveries: 4))
    }

    @Test func `a delivery without recipients leaves it as it is`() {
        #expect(digest([(1, 0, 0, .text, "x")]) == DeliveryDigest())
        #expect(digest([(1, 1, 5, .text, "x"), (2, 0, 0, .text, "y")]) == digest([(1, 1, 5, .text, "x")]))
    }

    @Test func `everything that it names makes a difference`() {
        let base = digest([(1, 1, 5, .text, "x")])
        #expect(base != digest([(2, 1, 5, .text, "x")]))
        #expect(base.value != digest([(1, 2, 5, .text, "x")]).value)
        #expect(base != digest([(1, 1, 6, .text, "x")]))
        #expect(base != digest([(1, 1, 5, .binary, "x")]))
        #expect(base != digest([(1, 1, 5, .text, "y")]))
        #expect(base != digest([(1, 1, 5, .text, "")]))
    }

    @Test func `the order of deliveries makes a difference`() {
        #expect(
            digest([(1, 1, 5, .text, "x"), (2, 1, 5, .text, "y")])
                != digest([(2, 1, 5, .text, "y"), (1, 1, 5, .text, "x")]))
    }

    @Test func `it goes on from a known point`() {
        var resumed = digest([(1, 3, 5, .text, "x")])
        resumed = DeliveryDigest(value: resumed.value, deliveries: resumed.deliveries)
        resumed.add(at: Position(2), count: 1, recipients: 9, opcode: .binary, payload: payload.readableBytesSpan)
        #expect(resumed == digest([(1, 3, 5, .text, "x"), (2, 1, 9, .binary, String(buffer: payload))]))
    }
}
