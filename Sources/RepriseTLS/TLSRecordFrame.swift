package import NIOCore

/// Follows the records in a stream of ciphertext, by their heads (RFC 8446 §5.1): BoringSSL keeps a record until it has come as a
/// whole, and does not say how much that is.
package struct TLSRecordFrame: Sendable {
    private static let headByteCount = 5

    /// How much of the head has come, and the length that it says.
    private var headBytes = 0
    private var length = 0
    /// What is still to come of the record.
    private var missingBytes = 0

    /// Before the first byte.
    package init() {}

    /// Bytes that BoringSSL keeps for a record that is under way: room for all of it, once its head is there.
    package var keptBytes: Int { missingBytes > 0 ? TLSRecordFrame.headByteCount + length : 0 }

    /// More of the stream has come.
    package mutating func note(_ sealed: ByteBuffer) {
        var index = sealed.readerIndex
        while index < sealed.writerIndex {
            if missingBytes > 0 {
                let count = min(missingBytes, sealed.writerIndex - index)
                missingBytes -= count
                index += count
                continue
            }
            // Two bytes of the head are the length: the last ones.
            let byte = Int(sealed.getInteger(at: index, as: UInt8.self) ?? 0)
            index += 1
            headBytes += 1
            length = headBytes <= 3 ? 0 : length << 8 | byte
            if headBytes == TLSRecordFrame.headByteCount {
                headBytes = 0
                missingBytes = length
            }
        }
    }
}
