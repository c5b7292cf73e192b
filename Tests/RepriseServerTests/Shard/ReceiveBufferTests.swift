import NIOCore
import Testing

@testable import RepriseServer

@Suite struct `The receive buffer of a loop` {
    private let lender = ReceiveBuffer(inFlight: InFlight(bytesMax: 1 << 20))
    private let allocator = ByteBufferAllocator()

    private func storage(of buffer: ByteBuffer) -> Int {
        unsafe buffer.withVeryUnsafeBytes { Int(bitPattern: $0.baseAddress) }
    }

    @Test func `is lent again, empty, when it was given back`() {
        var first = lender.buffer(allocator: allocator)
        first.writeString("abc")
        let address = storage(of: first)
        lender.giveBack(first)
        first = ByteBuffer()
        let second = lender.buffer(allocator: allocator)
        #expect(storage(of: second) == address)
        #expect(second.readableBytes == 0)
        #expect(second.writableBytes >= ReceiveBuffer.capacity)
    }

    @Test func `is left to whoever kept a part of it`() {
        var first = lender.buffer(allocator: allocator)
        first.writeString("abc")
        let kept = first.getSlice(at: 0, length: 3)
        lender.giveBack(first)
        first = ByteBuffer()
        var second = lender.buffer(allocator: allocator)
        second.writeString("xyz")
        #expect(kept.map { String(buffer: $0) } == "abc")
        #expect(second.readableBytes == 3)
    }

    @Test func `does not take a smaller one in its place`() {
        lender.giveBack(allocator.buffer(capacity: 512))
        #expect(lender.buffer(allocator: allocator).writableBytes >= ReceiveBuffer.capacity)
    }
}
