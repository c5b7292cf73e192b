/// Where a connection stands in the log.
public struct ConnectionSpan: Equatable, Sendable {
    /// The position of its `connected`.
    public var opened: Position
    /// The position of its `disconnected`, if there is one.
    public var closed: Position?
}

extension ConnectionSpan {
    /// Shape, little-endian: `opened u64 · closed u64 (0: none)`.
    func encoded() -> [UInt8] {
        opened.rawValue.littleEndianBytes + (closed?.rawValue ?? 0).littleEndianBytes
    }

    init?(decoding bytes: [UInt8]) {
        guard bytes.count == 16, let opened = UInt64(littleEndian: Array(bytes[..<8])),
            let closed = UInt64(littleEndian: Array(bytes[8...]))
        else { return nil }
        self.init(opened: Position(opened), closed: closed == 0 ? nil : Position(closed))
    }
}

extension ConnectionID {
    /// The key in the `connections` table: the 11 bytes.
    var key: [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: token.high >> UInt64(56 - 8 * $0)) }
            + (0..<3).map { UInt8(truncatingIfNeeded: token.low >> UInt32(16 - 8 * $0)) }
    }
}
