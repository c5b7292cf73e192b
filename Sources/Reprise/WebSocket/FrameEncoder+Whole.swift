internal import NIOCore

extension FrameEncoder {
    /// Appends a message that fits one frame: header and payload in one go, because each call on the buffer costs a
    /// check of its storage.
    ///
    /// The payload may be in no buffer that `buffer` shares its storage with.
    static func appendWhole(_ opcode: MessageOpcode, _ payload: RawSpan, to buffer: inout ByteBuffer) {
        let count = payload.byteCount
        let header = headerByteCount(payloadByteCount: count)
        let first: UInt8 = 0b1000_0000 | FrameOpcode(opcode).rawValue
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: header &+ count) { target in
            switch header {
            case 2:
                unsafe target.storeBytes(of: (UInt16(first) << 8 | UInt16(count)).bigEndian, as: UInt16.self)
            case 4:
                unsafe target.storeBytes(
                    of: (UInt32(first) << 24 | 126 << 16 | UInt32(count)).bigEndian, as: UInt32.self)
            default:
                unsafe target.storeBytes(of: (UInt16(first) << 8 | 127).bigEndian, as: UInt16.self)
                unsafe target.storeBytes(of: UInt64(count).bigEndian, toByteOffset: 2, as: UInt64.self)
            }
            unsafe payload.withUnsafeBytes { source in
                unsafe UnsafeMutableRawBufferPointer(rebasing: target[header...]).copyMemory(from: source)
            }
            return header &+ count
        }
    }
}
