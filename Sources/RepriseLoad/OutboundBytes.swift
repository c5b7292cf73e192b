/// Bytes that wait for the kernel to take them.
struct OutboundBytes {
    private var bytes: [UInt8] = []
    private var start = 0

    /// How many the kernel has not taken.
    var count: Int { bytes.count - start }

    /// Appends bytes; what was sent before is dropped first.
    mutating func queue(_ append: (inout [UInt8]) -> Void) {
        if count == 0 {
            bytes.removeAll(keepingCapacity: true)
            start = 0
        }
        append(&bytes)
    }

    /// Hands over as much as the socket takes.
    ///
    /// - Returns: the error number with which the connection failed, if it did.
    mutating func flush(to descriptor: Int32) -> Int32? {
        while count > 0 {
            switch LoadSocket.send(descriptor, bytes, from: start) {
            case .bytes(let taken): start += taken
            case .failed(let code): return code
            case .wouldBlock, .ended: return nil
            }
        }
        return nil
    }
}
