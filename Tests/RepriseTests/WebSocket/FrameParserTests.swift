import NIOCore
import Testing

@testable import Reprise

private let binaryAllowed = FrameParser.Limits(allowsBinary: true)

@Suite struct `Frame parser: what is accepted` {
    @Test(arguments: Feeding.allCases)
    func `the masked text message of RFC 6455 5-7`(feeding: Feeding) {
        let bytes: [UInt8] = [
            0b1000_0001, 0b1000_0101, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]
        #expect(feeding.parse(bytes) == [.text("Hello")])
    }

    @Test(arguments: Feeding.allCases)
    func `the masked pong of RFC 6455 5-7`(feeding: Feeding) {
        let bytes: [UInt8] = [
            0b1000_1010, 0b1000_0101, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58,
        ]
        #expect(feeding.parse(bytes) == [.pong])
    }

    @Test(arguments: Feeding.allCases)
    func `an empty message`(feeding: Feeding) {
        #expect(feeding.parse([.text("")]) == [.text("")])
        #expect(feeding.parse([.binary([])], binaryAllowed) == [.message(.binary, [])])
    }

    @Test(arguments: [1, 2, 3, 7, 8, 9, 15, 16, 17, 124, 125, 126, 127, 1000, 32767, 32768])
    func `messages of every length form`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        for feeding in Feeding.allCases {
            #expect(feeding.parse([.binary(payload)], binaryAllowed) == [.message(.binary, payload)])
        }
    }

    @Test(arguments: [65535, 65536, 70000])
    func `frames around 64 KiB, when the limits allow them`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ 7) }
        let limits = FrameParser.Limits(frameBytesMax: 100_000, messageBytesMax: 100_000, allowsBinary: true)
        for feeding in Feeding.allCases {
            #expect(feeding.parse([.binary(payload)], limits) == [.message(.binary, payload)])
        }
    }

    @Test(arguments: Feeding.allCases)
    func `fragments make one message, also when a character is cut`(feeding: Feeding) {
        let euro = Array("€".utf8)
        let frames: [ClientFrame] = [
            ClientFrame(first: 0b0000_0001, payload: [euro[0]]), .continuation([euro[1]], isFinal: false),
            .continuation([], isFinal: false), .continuation([euro[2]], isFinal: true),
        ]
        #expect(feeding.parse(frames) == [.text("€")])
    }

    @Test(arguments: Feeding.allCases)
    func `control frames come through between fragments`(feeding: Feeding) {
        let frames: [ClientFrame] = [
            .text("one ", isFinal: false), .ping(Array("a".utf8)), .continuation(Array("two ".utf8), isFinal: false),
            .pong(Array("ignored".utf8)), .ping(), .continuation(Array("three".utf8), isFinal: true), .text("next"),
        ]
        #expect(
            feeding.parse(frames) == [
                .ping(Array("a".utf8)), .pong, .ping([]), .text("one two three"), .text("next"),
            ])
    }

    @Test(arguments: Feeding.allCases)
    func `a control frame does not disturb the text around it`(feeding: Feeding) {
        let euro = Array("€".utf8)
        let frames: [ClientFrame] = [
            ClientFrame(first: 0b0000_0001, payload: [euro[0]]), .ping([0xFF, 0xFE]),
            .continuation(Array(euro[1...]), isFinal: true),
        ]
        #expect(feeding.parse(frames) == [.ping([0xFF, 0xFE]), .text("€")])
    }

    @Test(arguments: [0, 1, 124, 125])
    func `pings of up to 125 bytes`(count: Int) {
        let payload = [UInt8](repeating: 0xFE, count: count)
        for feeding in Feeding.allCases {
            #expect(feeding.parse([.ping(payload), .text("x")]) == [.ping(payload), .text("x")])
        }
    }

    @Test(arguments: Feeding.allCases)
    func `a Close with nothing, with a code, with a reason`(feeding: Feeding) {
        #expect(feeding.parse([.close()]) == [.close(.noStatus, "")])
        #expect(feeding.parse([.close(1000)]) == [.close(.normal, "")])
        #expect(feeding.parse([.close(4999, Array("Grüße".utf8))]) == [.close(CloseCode(rawValue: 4999), "Grüße")])
        let longest = String(repeating: "r", count: 123)
        #expect(feeding.parse([.close(1001, Array(longest.utf8))]) == [.close(.goingAway, longest)])
    }

    @Test(arguments: Feeding.allCases)
    func `nothing comes after a Close`(feeding: Feeding) {
        #expect(feeding.parse([.text("a"), .close(1000), .text("b"), .ping()]) == [.text("a"), .close(.normal, "")])
    }

    @Test(arguments: Feeding.allCases)
    func `a Close inside a fragmented message ends the stream`(feeding: Feeding) {
        let frames: [ClientFrame] = [
            .text("half", isFinal: false), .close(1001, Array("bye".utf8)), .continuation([], isFinal: true),
        ]
        #expect(feeding.parse(frames) == [.close(.goingAway, "bye")])
    }

    @Test(arguments: Feeding.allCases)
    func `a frame and a message exactly at their limits`(feeding: Feeding) {
        let limits = FrameParser.Limits(frameBytesMax: 10, messageBytesMax: 20)
        let ten = String(repeating: "x", count: 10)
        #expect(feeding.parse([.text(ten)], limits) == [.text(ten)])
        let frames: [ClientFrame] = [.text(ten, isFinal: false), .continuation(Array(ten.utf8), isFinal: true)]
        #expect(feeding.parse(frames + frames, limits) == [.text(ten + ten), .text(ten + ten)])
    }

    @Test func `the default limits are those of AWS`() {
        let limits = FrameParser.Limits()
        #expect(limits.frameBytesMax == 32768)
        #expect(limits.messageBytesMax == 131072)
        #expect(!limits.allowsBinary)
    }
}
