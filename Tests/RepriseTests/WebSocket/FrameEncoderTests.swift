import NIOCore
import Testing

@testable import Reprise

/// A frame as a client receives it, decoded without the code under test.
struct ServerFrame: Equatable {
    var first: UInt8
    var payload: [UInt8]
    var headerByteCount: Int

    /// Decodes a run of whole, unmasked frames with minimal lengths; traps on anything else.
    static func decode(_ buffer: ByteBuffer) -> [Self] {
        var bytes = Array(buffer.readableBytesView)[...]
        var frames: [Self] = []
        while let first = bytes.popFirst(), let short = bytes.popFirst() {
            precondition(short < 128, "masked")
            let lengthBytes = short == 126 ? 2 : short == 127 ? 8 : 0
            let length = lengthBytes == 0 ? Int(short) : bytes.prefix(lengthBytes).reduce(0) { $0 << 8 | Int($1) }
            precondition(
                length >= [0: 0, 2: 126, 8: 65536][lengthBytes] ?? 0, "length \(length) in \(lengthBytes) bytes")
            bytes = bytes.dropFirst(lengthBytes)
            precondition(bytes.count >= length, "truncated")
            frames.append(
                Self(first: first, payload: Array(bytes.prefix(length)), headerByteCount: 2 + lengthBytes))
            bytes = bytes.dropFirst(length)
        }
        return frames
    }
}

private struct WriterFailure: Error {}

@Suite struct `Frame encoder` {
    private func encoded(_ body: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        body(&buffer)
        return Array(buffer.readableBytesView)
    }

    private let hello = Array("Hello".utf8)

    @Test func `the unmasked text message of RFC 6455 5-7`() {
        let bytes = encoded {
            FrameEncoder.append(
                .text, payload: ByteBuffer(bytes: hello).readableBytesSpan, frameBytesMax: 32768, to: &$0)
        }
        #expect(bytes == [0b1000_0001, 0b0000_0101, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    }

    @Test func `the fragmented text message of RFC 6455 5-7`() {
        let bytes = encoded {
            FrameEncoder.append(.text, payload: ByteBuffer(bytes: hello).readableBytesSpan, frameBytesMax: 3, to: &$0)
        }
        #expect(
            bytes == [
                0b0000_0001, 0b0000_0011, 0x48, 0x65, 0x6C,
                0b1000_0000, 0b0000_0010, 0x6C, 0x6F,
            ])
    }

    @Test func `the ping and the pong of RFC 6455 5-7`() {
        #expect(
            encoded { FrameEncoder.appendPing(ByteBuffer(bytes: hello).readableBytesSpan, to: &$0) }
                == [0b1000_1001, 0b0000_0101, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(
            encoded { FrameEncoder.appendPong(ByteBuffer(bytes: hello).readableBytesSpan, to: &$0) }
                == [0b1000_1010, 0b0000_0101, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
    }

    @Test func `the binary headers of RFC 6455 5-7`() {
        let small = [UInt8](repeating: 7, count: 256)
        let large = [UInt8](repeating: 7, count: 65536)
        let smallBytes = encoded {
            FrameEncoder.append(
                .binary, payload: ByteBuffer(bytes: small).readableBytesSpan, frameBytesMax: 99999, to: &$0)
        }
        let largeBytes = encoded {
            FrameEncoder.append(
                .binary, payload: ByteBuffer(bytes: large).readableBytesSpan, frameBytesMax: 99999, to: &$0)
        }
        #expect(Array(smallBytes.prefix(4)) == [0b1000_0010, 0b0111_1110, 0x01, 0x00])
        #expect(Array(largeBytes.prefix(10)) == [0b1000_0010, 0b0111_1111, 0, 0, 0, 0, 0, 1, 0, 0])
    }

    @Test(
        arguments: [0, 1, 2, 124, 125, 126, 127, 250, 251, 252, 65535, 65536, 65537, 131072],
        [1, 2, 125, 126, 127, 32768, 65535, 65536, 1 << 30])
    func `payloads and frames of all boundary sizes, copied and in place`(count: Int, frameBytesMax: Int) {
        guard count <= 300 || frameBytesMax > 100 else { return }
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 8) }
        // Bytes before, partly read, must stay.
        var copied = ByteBuffer(string: "before")
        copied.moveReaderIndex(forwardBy: 2)
        var inPlace = copied
        FrameEncoder.append(
            .binary, payload: ByteBuffer(bytes: payload).readableBytesSpan, frameBytesMax: frameBytesMax, to: &copied)
        FrameEncoder.append(.binary, frameBytesMax: frameBytesMax, to: &inPlace) { $0.writeBytes(payload) }

        #expect(copied.readSlice(length: 4) == ByteBuffer(string: "fore"))
        #expect(inPlace.readSlice(length: 4) == ByteBuffer(string: "fore"))
        #expect(copied == inPlace)
        #expect(
            copied.readableBytes
                == FrameEncoder.encodedByteCount(payloadByteCount: count, frameBytesMax: frameBytesMax))

        let frames = ServerFrame.decode(copied)
        #expect(frames.flatMap(\.payload) == payload)
        #expect(frames.count == max(1, (count + frameBytesMax - 1) / frameBytesMax))
        #expect(frames.dropLast().allSatisfy { $0.payload.count == frameBytesMax })
        for (index, frame) in frames.enumerated() {
            let isFinal = index == frames.count - 1
            #expect(frame.first == (isFinal ? 0x80 : 0) | (index == 0 ? 0x02 : 0x00))
        }
    }

    @Test func `a writer that throws leaves nothing behind`() {
        var buffer = ByteBuffer(string: "before")
        #expect(throws: WriterFailure.self) {
            try FrameEncoder.append(.text, frameBytesMax: 10, to: &buffer) { buffer throws(WriterFailure) in
                buffer.writeStaticString("half a payload")
                throw WriterFailure()
            }
        }
        #expect(buffer == ByteBuffer(string: "before"))
    }

    @Test func `a Close carries its code and reason`() {
        #expect(
            encoded { FrameEncoder.appendClose(.goingAway, reason: "Going away", to: &$0) }
                == [0b1000_1000, 0b0000_1100, 0x03, 0xE9] + Array("Going away".utf8))
        #expect(
            encoded { FrameEncoder.appendClose(.normal, reason: "", to: &$0) }
                == [0b1000_1000, 0b0000_0010, 0x03, 0xE8])
    }

    @Test(arguments: [CloseCode.noStatus, .abnormal, CloseCode(rawValue: 0), CloseCode(rawValue: 1015)])
    func `a code that must not be in a frame gives an empty Close`(code: CloseCode) {
        #expect(encoded { FrameEncoder.appendClose(code, reason: "never sent", to: &$0) } == [0b1000_1000, 0])
    }

    @Test(arguments: ["a", "é", "€", "😀"])
    func `a long reason is cut between two scalars`(character: String) {
        for lead in 0..<4 {
            let reason = String(repeating: "x", count: lead) + String(repeating: character, count: 124)
            var buffer = ByteBuffer()
            FrameEncoder.appendClose(.normal, reason: reason, to: &buffer)
            let frames = ServerFrame.decode(buffer)
            let kept = frames.first?.payload.dropFirst(2) ?? []
            #expect(frames.count == 1)
            #expect((124 - character.utf8.count...123).contains(kept.count))
            #expect(reason.utf8.starts(with: kept))
            #expect(String(validating: kept, as: UTF8.self) != nil)
        }
    }

    @Test func `a pong of 125 bytes is the largest`() async {
        let payload = [UInt8](repeating: 1, count: 125)
        #expect(
            encoded { FrameEncoder.appendPong(ByteBuffer(bytes: payload).readableBytesSpan, to: &$0) } == [
                0b1000_1010, 125,
            ] + payload)
        await #expect(processExitsWith: .failure) {
            var buffer = ByteBuffer()
            FrameEncoder.appendPong(ByteBuffer(bytes: [UInt8](repeating: 1, count: 126)).readableBytesSpan, to: &buffer)
        }
    }
}
